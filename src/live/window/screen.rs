//! The window on the desktop and the surface in it.

use super::graphics::{Graphics, window_error};
use super::painter::{Painter, Scene};
use crate::error::Error;
use std::sync::Arc;
use wgpu::CurrentSurfaceTexture as Current;
use winit::dpi::{LogicalSize, PhysicalSize};
use winit::event_loop::ActiveEventLoop;
use winit::window::{Fullscreen, Window};

/// The part of the screen that a new window fills at most.
const LARGEST: f64 = 0.9;

/// A window with a surface.
pub(super) struct Screen {
    pub(super) window: Arc<Window>,
    instance: wgpu::Instance,
    surface: wgpu::Surface<'static>,
    config: wgpu::SurfaceConfiguration,
}

impl Screen {
    /// Opens a window for pictures that are shown at `size` where they fit on the screen, and what draws in it.
    pub(super) fn open(
        events: &ActiveEventLoop,
        title: &str,
        size: (u32, u32),
    ) -> Result<(Self, Painter), Error> {
        let attributes = Window::default_attributes()
            .with_title(title)
            .with_inner_size(first_size(events, size))
            .with_min_inner_size(LogicalSize::new(160.0, 90.0));
        let window = events
            .create_window(attributes)
            .map_err(|error| window_error(format!("it cannot be opened: {error}"), "use another output"))?;
        let window = Arc::new(window);
        let display = Box::new(events.owned_display_handle());
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_with_display_handle(display));
        let surface = surface_of(&instance, &window)?;
        let (graphics, adapter) = Graphics::open(&instance, Some(&surface))?;
        let capabilities = surface.get_capabilities(&adapter);
        let config = wgpu::SurfaceConfiguration {
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT,
            format: format_of(&capabilities.formats),
            color_space: wgpu::SurfaceColorSpace::Auto,
            width: window.inner_size().width.max(1),
            height: window.inner_size().height.max(1),
            // The newest picture replaces one that waits; where that is not offered, drawing waits for the screen.
            present_mode: match capabilities.present_modes.contains(&wgpu::PresentMode::Mailbox) {
                true => wgpu::PresentMode::Mailbox,
                false => wgpu::PresentMode::Fifo,
            },
            desired_maximum_frame_latency: 2,
            alpha_mode: wgpu::CompositeAlphaMode::Auto,
            view_formats: Vec::new(),
        };
        let painter = Painter::new(graphics, config.format)?;
        surface.configure(&painter.graphics.device, &config);
        painter.graphics.check()?;
        tracing::debug!(
            "window: {} on {}, {:?}",
            painter.name(),
            adapter.get_info().backend,
            config.present_mode
        );
        Ok((Self { window, instance, surface, config }, painter))
    }

    /// Size in pixels.
    pub(super) const fn size(&self) -> (u32, u32) {
        (self.config.width, self.config.height)
    }

    /// The window has another size now.
    pub(super) fn resize(&mut self, painter: &Painter, size: PhysicalSize<u32>) {
        (self.config.width, self.config.height) = (size.width.max(1), size.height.max(1));
        self.surface.configure(&painter.graphics.device, &self.config);
    }

    /// Fills the screen, or no longer.
    pub(super) fn set_full_screen(&self, fills: bool) {
        self.window.set_fullscreen(fills.then_some(Fullscreen::Borderless(None)));
    }

    /// Draws in the window. What cannot be drawn now, as the window is hidden or changing, is left out.
    ///
    /// # Errors
    /// If the graphics driver fails.
    pub(super) fn draw(&mut self, painter: &mut Painter, scene: &Scene) -> Result<(), Error> {
        let texture = match self.surface.get_current_texture() {
            // It is shown all the same; a new size comes with its own event.
            Current::Success(texture) | Current::Suboptimal(texture) => texture,
            Current::Outdated => return self.configure_again(painter),
            Current::Lost => {
                self.surface = surface_of(&self.instance, &self.window)?;
                return self.configure_again(painter);
            }
            Current::Timeout | Current::Occluded | Current::Validation => return painter.graphics.check(),
        };
        painter.paint(&texture.texture, scene);
        self.window.pre_present_notify();
        painter.graphics.queue.present(texture);
        painter.graphics.check()
    }

    fn configure_again(&self, painter: &Painter) -> Result<(), Error> {
        self.surface.configure(&painter.graphics.device, &self.config);
        self.window.request_redraw();
        painter.graphics.check()
    }
}

fn surface_of(instance: &wgpu::Instance, window: &Arc<Window>) -> Result<wgpu::Surface<'static>, Error> {
    instance.create_surface(Arc::clone(window)).map_err(|error| {
        window_error(
            format!("no graphics driver can draw it ({error})"),
            "install a Vulkan driver (mesa-vulkan-drivers draws without a graphics card), or use another output",
        )
    })
}

/// A format of 8 bits that stores what is written, or else one that encodes it; both are known to the painter.
fn format_of(offered: &[wgpu::TextureFormat]) -> wgpu::TextureFormat {
    use wgpu::TextureFormat::{Bgra8Unorm, Bgra8UnormSrgb, Rgba8Unorm, Rgba8UnormSrgb};
    let known = [Bgra8Unorm, Rgba8Unorm, Bgra8UnormSrgb, Rgba8UnormSrgb];
    known.into_iter().find(|format| offered.contains(format)).unwrap_or(Bgra8Unorm)
}

/// The picture's size, or smaller in its shape where the screen is not much larger.
fn first_size(events: &ActiveEventLoop, (width, height): (u32, u32)) -> PhysicalSize<u32> {
    let monitor = events.primary_monitor().or_else(|| events.available_monitors().next());
    let factor = monitor
        .map(|monitor| monitor.size())
        .filter(|room| room.width > 0 && room.height > 0)
        .map_or(1.0, |room| {
            let part = |room: u32, length: u32| f64::from(room) * LARGEST / f64::from(length.max(1));
            part(room.width, width).min(part(room.height, height)).min(1.0)
        });
    let scaled = |length: u32| (f64::from(length) * factor).round().max(1.0) as u32;
    PhysicalSize::new(scaled(width), scaled(height))
}
