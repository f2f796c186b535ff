//! Draws pictures, the divider between them and what is written over them.

use super::canvas::Panel;
use super::graphics::{Graphics, texture_descriptor};
use super::layout::Area;
use super::overlay::Placed;
use super::planes::{Planes, SurfaceParams};
use crate::error::Error;
use crate::frame::Frame;
use std::sync::Arc;

/// The program that draws pictures, complete.
pub(super) const PICTURE: &str = concat!(
    include_str!("../../../shaders/window/surface.wgsl"),
    include_str!("../../../shaders/window/picture.wgsl")
);
/// The program that draws what lies over them, complete.
pub(super) const PANEL: &str = concat!(
    include_str!("../../../shaders/window/surface.wgsl"),
    include_str!("../../../shaders/window/panel.wgsl")
);

/// What is drawn; around it all is black.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    /// Where the picture lies.
    pub area: Area,
    /// The column left of which the source is shown, in pixels of the window; `None` for the picture alone.
    pub divider: Option<u32>,
    /// What lies over the picture, from the lowest to the topmost.
    pub panels: Vec<Placed>,
}

/// Draws on surfaces of one format.
///
/// Colours are shown as a video player on a common display does: decoded by the picture's own matrix and range, and not
/// changed otherwise. So HDR pictures (PQ, HLG) are shown as they are, without tone mapping. Alpha is left out.
pub struct Painter {
    pub(super) graphics: Graphics,
    format: wgpu::TextureFormat,
    layout: wgpu::BindGroupLayout,
    picture: wgpu::RenderPipeline,
    /// Cheaper, for software renderers, where the picture is not made much smaller.
    plain_picture: wgpu::RenderPipeline,
    panel: wgpu::RenderPipeline,
    after: Option<Planes>,
    before: Option<Planes>,
    panels: Vec<PlacedTexture>,
}

/// A panel on the device.
struct PlacedTexture {
    panel: Arc<Panel>,
    params: wgpu::Buffer,
    bindings: wgpu::BindGroup,
}

impl Painter {
    /// Draws into memory only, see [`Painter::draw`].
    ///
    /// # Errors
    /// If there is no graphics driver, not even a software renderer.
    pub fn offscreen() -> Result<Self, Error> {
        Self::offscreen_as(wgpu::TextureFormat::Rgba8Unorm)
    }

    /// As [`Painter::offscreen`], on a surface that encodes what is written as sRGB, as some windows' do.
    ///
    /// # Errors
    /// As [`Painter::offscreen`].
    pub fn offscreen_srgb() -> Result<Self, Error> {
        Self::offscreen_as(wgpu::TextureFormat::Rgba8UnormSrgb)
    }

    fn offscreen_as(format: wgpu::TextureFormat) -> Result<Self, Error> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
        let (graphics, _) = Graphics::open(&instance, None)?;
        Self::new(graphics, format)
    }

    pub(super) fn new(graphics: Graphics, format: wgpu::TextureFormat) -> Result<Self, Error> {
        let layout = picture_layout(&graphics.device);
        let program = |label, source, layout: Option<&_>, is_plain| {
            pipeline(&graphics, label, source, format, layout, is_plain)
        };
        let picture = program("picture", PICTURE, Some(&layout), false);
        let plain_picture = program("plain picture", PICTURE, Some(&layout), true);
        let panel = program("panel", PANEL, None, false);
        graphics.check()?;
        Ok(Self {
            graphics,
            format,
            layout,
            picture,
            plain_picture,
            panel,
            after: None,
            before: None,
            panels: Vec::new(),
        })
    }

    /// Name of the graphics device.
    pub fn name(&self) -> &str {
        &self.graphics.name
    }

    /// Takes the picture that is shown from now on.
    pub fn set_picture(&mut self, frame: &Frame) {
        self.after = Some(Planes::of(frame, self.after.take(), &self.graphics, &self.layout));
    }

    /// Takes the frame that is shown left of the divider from now on.
    pub fn set_source(&mut self, frame: &Frame) {
        self.before = Some(Planes::of(frame, self.before.take(), &self.graphics, &self.layout));
    }

    /// Sizes of the source and the picture, once both are there.
    pub(super) fn sizes(&self) -> Option<[(u32, u32); 2]> {
        Some([self.before.as_ref()?.size(), self.after.as_ref()?.size()])
    }

    /// Draws into memory: red, green, blue and 255 of each pixel, encoded as sRGB.
    ///
    /// # Errors
    /// If the graphics driver fails.
    pub fn draw(&mut self, scene: &Scene, size: (u32, u32)) -> Result<Vec<u8>, Error> {
        let usage = wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC;
        let texture =
            self.graphics.device.create_texture(&texture_descriptor("drawing", size, self.format, usage));
        self.paint(&texture, scene);
        let mut pixels = self.graphics.read(&texture)?;
        let is_reversed = matches!(self.format.remove_srgb_suffix(), wgpu::TextureFormat::Bgra8Unorm);
        if is_reversed {
            pixels.as_chunks_mut::<4>().0.iter_mut().for_each(|[blue, _, red, _]| std::mem::swap(blue, red));
        }
        Ok(pixels)
    }

    /// Draws on a texture of the painter's format.
    pub(super) fn paint(&mut self, texture: &wgpu::Texture, scene: &Scene) {
        let size = (texture.width(), texture.height());
        self.upload_panels(scene, size);
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        let mut encoder =
            self.graphics.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("window"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &view,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color::BLACK),
                    store: wgpu::StoreOp::Store,
                },
            })],
            ..wgpu::RenderPassDescriptor::default()
        });
        let (left, right) = scene.area.divided(scene.divider.unwrap_or(0));
        for (planes, part) in [(&self.before, left), (&self.after, right)] {
            let visible = clipped(part, size);
            let Some(planes) = planes.as_ref().filter(|_| visible.width > 0 && visible.height > 0) else {
                continue;
            };
            let surface = SurfaceParams::new(scene.area, size);
            let is_plain = self.graphics.is_software && planes.is_plain_in(scene.area);
            pass.set_pipeline(if is_plain { &self.plain_picture } else { &self.picture });
            pass.set_bind_group(0, planes.bound(&self.graphics, surface, scene.area), &[]);
            pass.set_scissor_rect(visible.x, visible.y, visible.width, visible.height);
            pass.draw(0..4, 0..1);
        }
        pass.set_scissor_rect(0, 0, size.0, size.1);
        pass.set_pipeline(&self.panel);
        for placed in self.panels.iter().take(scene.panels.len()) {
            pass.set_bind_group(0, &placed.bindings, &[]);
            pass.draw(0..4, 0..1);
        }
        drop(pass);
        self.graphics.queue.submit([encoder.finish()]);
    }

    /// Brings panels that are not yet there to the device, and says where each of them lies.
    fn upload_panels(&mut self, scene: &Scene, size: (u32, u32)) {
        for (index, placed) in scene.panels.iter().enumerate() {
            let params = SurfaceParams::new(placed.area, size);
            match self.panels.get_mut(index) {
                Some(known) if Arc::ptr_eq(&known.panel, &placed.panel) => {
                    self.graphics.queue.write_buffer(&known.params, 0, bytemuck::bytes_of(&params));
                }
                Some(other) => *other = upload(&self.graphics, &self.panel, &placed.panel, &params),
                None => self.panels.push(upload(&self.graphics, &self.panel, &placed.panel, &params)),
            }
        }
    }
}

fn upload(
    graphics: &Graphics,
    pipeline: &wgpu::RenderPipeline,
    panel: &Arc<Panel>,
    params: &SurfaceParams,
) -> PlacedTexture {
    let texture = graphics.texture("panel", (panel.width, panel.height), wgpu::TextureFormat::Rgba8Unorm);
    graphics.fill(&texture, panel.width as usize * 4, &panel.pixels);
    let params = graphics.uniform("panel params", params);
    let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
    let bindings = graphics.device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some("panel"),
        layout: &pipeline.get_bind_group_layout(0),
        entries: &[
            wgpu::BindGroupEntry { binding: 0, resource: params.as_entire_binding() },
            wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::TextureView(&view) },
        ],
    });
    PlacedTexture { panel: Arc::clone(panel), params, bindings }
}

/// What a picture binds: parameters, three planes and a sampler.
fn picture_layout(device: &wgpu::Device) -> wgpu::BindGroupLayout {
    let entry = |binding, visibility, ty| wgpu::BindGroupLayoutEntry { binding, visibility, ty, count: None };
    let params = wgpu::BindingType::Buffer {
        ty: wgpu::BufferBindingType::Uniform,
        has_dynamic_offset: false,
        min_binding_size: None,
    };
    let plane = wgpu::BindingType::Texture {
        sample_type: wgpu::TextureSampleType::Float { filterable: true },
        view_dimension: wgpu::TextureViewDimension::D2,
        multisampled: false,
    };
    let sampler = wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering);
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("picture"),
        entries: &[
            entry(0, wgpu::ShaderStages::VERTEX_FRAGMENT, params),
            entry(1, wgpu::ShaderStages::FRAGMENT, plane),
            entry(2, wgpu::ShaderStages::FRAGMENT, plane),
            entry(3, wgpu::ShaderStages::FRAGMENT, plane),
            entry(4, wgpu::ShaderStages::FRAGMENT, sampler),
        ],
    })
}

/// A program for opaque pictures where it has a layout, else for panels over them.
fn pipeline(
    graphics: &Graphics,
    label: &str,
    source: &str,
    format: wgpu::TextureFormat,
    layout: Option<&wgpu::BindGroupLayout>,
    is_plain: bool,
) -> wgpu::RenderPipeline {
    let device = &graphics.device;
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(label),
        source: wgpu::ShaderSource::Wgsl(source.into()),
    });
    let blend = if layout.is_some() { wgpu::BlendState::REPLACE } else { wgpu::BlendState::ALPHA_BLENDING };
    let whole_layout = layout.map(|layout| {
        device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(label),
            bind_group_layouts: &[Some(layout)],
            ..wgpu::PipelineLayoutDescriptor::default()
        })
    });
    let linear = ("is_linear", f64::from(u8::from(format.is_srgb())));
    let plain = ("is_plain", f64::from(u8::from(is_plain)));
    // Cubic interpolation reads many more samples: too dear without a graphics card.
    let cubic = ("is_cubic", f64::from(u8::from(!graphics.is_software)));
    let (constants, panel_constants) = ([linear, plain, cubic], [linear]);
    let compilation_options = wgpu::PipelineCompilationOptions {
        constants: if layout.is_some() { &constants } else { &panel_constants },
        ..wgpu::PipelineCompilationOptions::default()
    };
    let target = wgpu::ColorTargetState { format, blend: Some(blend), write_mask: wgpu::ColorWrites::ALL };
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some(label),
        layout: whole_layout.as_ref(),
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: None,
            compilation_options: compilation_options.clone(),
            buffers: &[],
        },
        primitive: wgpu::PrimitiveState {
            topology: wgpu::PrimitiveTopology::TriangleStrip,
            ..wgpu::PrimitiveState::default()
        },
        depth_stencil: None,
        multisample: wgpu::MultisampleState::default(),
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: None,
            compilation_options,
            targets: &[Some(target)],
        }),
        multiview_mask: None,
        cache: None,
    })
}

/// The part of an area that lies on a surface of this size.
fn clipped(area: Area, (width, height): (u32, u32)) -> Area {
    let (x, y) = (area.x.min(width), area.y.min(height));
    Area { x, y, width: area.width.min(width - x), height: area.height.min(height - y) }
}
