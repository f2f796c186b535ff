//! A picture's planes on the graphics device.

use super::graphics::Graphics;
use super::layout::Area;
use crate::frame::{Frame, FrameInfo, Plane};
use crate::kernel::display_colors;

/// Where something is drawn; `Surface` in `shaders/window/surface.wgsl`.
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct SurfaceParams {
    area: [f32; 4],
    size: [f32; 2],
    padding: [u32; 2],
}

impl SurfaceParams {
    pub(super) fn new(area: Area, size: (u32, u32)) -> Self {
        Self {
            area: [area.x, area.y, area.width, area.height].map(|length| length as f32),
            size: [size.0, size.1].map(|length| length as f32),
            padding: [0; 2],
        }
    }
}

/// `Params` in `shaders/window/picture.wgsl`.
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct PictureParams {
    surface: SurfaceParams,
    scale: [f32; 2],
    chroma_gain: [f32; 2],
    chroma_offset: [f32; 2],
    has_chroma: u32,
    padding: u32,
    colors: [[f32; 4]; 3],
}

impl PictureParams {
    fn new(info: &FrameInfo, surface: SurfaceParams, area: Area, graphics: &Graphics) -> Self {
        let ratio = |picture: u32, window: u32| picture as f32 / window.max(1) as f32;
        let subsampling = info.format.subsampling();
        let (x, y) = info.color.siting.position();
        // Chroma sample c lies at luma sample c * factor + siting * (factor - 1).
        let chroma = |shift: u8, siting: f64| {
            let factor = f64::from(1u32 << shift);
            ((1.0 / factor) as f32, (-siting * (factor - 1.0) / factor) as f32)
        };
        let (gain_x, offset_x) = chroma(subsampling.x, x);
        let (gain_y, offset_y) = chroma(subsampling.y, y);
        Self {
            surface,
            scale: [ratio(info.width, area.width), ratio(info.height, area.height)],
            chroma_gain: [gain_x, gain_y],
            chroma_offset: [offset_x, offset_y],
            has_chroma: u32::from(info.format.color_planes() == 3),
            padding: 0,
            colors: display_colors(info).map(|[y, cb, cr, offset]| {
                let codes = codes_of_one(info, graphics);
                [y * codes, cb * codes, cr * codes, offset]
            }),
        }
    }
}

/// Textures of a picture's planes with their parameters.
pub(super) struct Planes {
    info: FrameInfo,
    textures: Vec<wgpu::Texture>,
    params: wgpu::Buffer,
    bindings: wgpu::BindGroup,
}

impl Planes {
    /// The planes of `frame` but alpha, in the textures of `before` where these fit.
    pub(super) fn of(
        frame: &Frame,
        before: Option<Self>,
        graphics: &Graphics,
        layout: &wgpu::BindGroupLayout,
    ) -> Self {
        let colors = frame.planes().get(..frame.info.format.color_planes()).unwrap_or_default();
        let fits = |known: &Self| {
            known.textures.len() == colors.len()
                && known.textures.iter().zip(colors).all(|(texture, plane)| {
                    (texture.width(), texture.height()) == (plane.width, plane.height)
                        && texture.format() == format(plane, graphics)
                })
        };
        let mut planes = match before.filter(fits) {
            Some(known) => known,
            None => Self::create(frame, colors, graphics, layout),
        };
        planes.info = frame.info.clone();
        for (texture, plane) in planes.textures.iter().zip(colors) {
            fill(graphics, texture, plane, frame.info.format.depth);
        }
        planes
    }

    fn create(frame: &Frame, colors: &[Plane], graphics: &Graphics, layout: &wgpu::BindGroupLayout) -> Self {
        let textures: Vec<_> = colors
            .iter()
            .map(|plane| graphics.texture("plane", (plane.width, plane.height), format(plane, graphics)))
            .collect();
        let params = PictureParams::new(
            &frame.info,
            SurfaceParams::new(Area::default(), (1, 1)),
            Area::default(),
            graphics,
        );
        let params = graphics.uniform("picture params", &params);
        // A grey picture has no chroma, but its places must be filled.
        let views: Vec<_> =
            textures.iter().cycle().take(3).map(|texture| texture.create_view(&Default::default())).collect();
        let planes = (1..).zip(&views).map(|(binding, view)| wgpu::BindGroupEntry {
            binding,
            resource: wgpu::BindingResource::TextureView(view),
        });
        let params_entry = wgpu::BindGroupEntry { binding: 0, resource: params.as_entire_binding() };
        let sampler = graphics.device.create_sampler(&wgpu::SamplerDescriptor {
            label: Some("between samples"),
            mag_filter: wgpu::FilterMode::Linear,
            min_filter: wgpu::FilterMode::Linear,
            ..wgpu::SamplerDescriptor::default()
        });
        let sampler = wgpu::BindGroupEntry { binding: 4, resource: wgpu::BindingResource::Sampler(&sampler) };
        let bindings = graphics.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("picture"),
            layout,
            entries: &std::iter::once(params_entry).chain(planes).chain([sampler]).collect::<Vec<_>>(),
        });
        Self { info: frame.info.clone(), textures, params, bindings }
    }

    /// Size in samples.
    pub(super) const fn size(&self) -> (u32, u32) {
        (self.info.width, self.info.height)
    }

    /// Whether interpolation between the nearest samples leaves none out in an area.
    pub(super) const fn is_plain_in(&self, area: Area) -> bool {
        self.info.width <= area.width.saturating_mul(2) && self.info.height <= area.height.saturating_mul(2)
    }

    /// What to bind to draw the picture in `area`.
    pub(super) fn bound(&self, graphics: &Graphics, surface: SurfaceParams, area: Area) -> &wgpu::BindGroup {
        let params = PictureParams::new(&self.info, surface, area, graphics);
        graphics.queue.write_buffer(&self.params, 0, bytemuck::bytes_of(&params));
        &self.bindings
    }
}

const fn format(plane: &Plane, graphics: &Graphics) -> wgpu::TextureFormat {
    if plane.sample_bytes == 2 && graphics.has_16_bits {
        wgpu::TextureFormat::R16Unorm
    } else {
        wgpu::TextureFormat::R8Unorm
    }
}

/// How many codes of the picture the texture's value 1 stands for.
fn codes_of_one(info: &FrameInfo, graphics: &Graphics) -> f32 {
    match (info.format.sample_bytes(), graphics.has_16_bits) {
        (1, _) => 255.0,
        (_, true) => 65535.0,
        (_, false) => (255u32 << (info.format.depth - 8)) as f32,
    }
}

/// Brings a plane to its texture: where there are no textures of 16 bits, the highest 8 bits of its samples.
fn fill(graphics: &Graphics, texture: &wgpu::Texture, plane: &Plane, depth: u8) {
    if plane.sample_bytes == 1 || graphics.has_16_bits {
        return graphics.fill(texture, plane.stride, plane.buffer.bytes());
    }
    let samples: &[u16] = bytemuck::cast_slice(plane.buffer.bytes());
    let highest: Vec<u8> = samples.iter().map(|sample| (sample >> (depth - 8)).min(255) as u8).collect();
    graphics.fill(texture, plane.stride / 2, &highest);
}
