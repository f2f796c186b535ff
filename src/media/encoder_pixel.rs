//! Pixel formats as data, and the choice of one for an encoder.

use crate::frame::{Model, PixelFormat, Subsampling, SurfaceComponent};

/// Where one component of a pixel lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Component {
    pub(super) plane: usize,
    /// Bytes from one sample to the next.
    pub(super) step: usize,
    /// Bytes before the first sample.
    pub(super) offset: usize,
    /// Unused low bits.
    pub(super) shift: u32,
    pub(super) depth: u8,
}

impl Component {
    /// Bytes of one sample.
    pub(super) fn bytes(&self) -> usize {
        if u32::from(self.depth) + self.shift <= 8 { 1 } else { 2 }
    }

    /// The same for pictures on a device.
    pub(super) fn on_surface(&self) -> SurfaceComponent {
        let Self { plane, step, offset, shift, .. } = *self;
        SurfaceComponent { plane, step, offset, shift }
    }
}

/// One of FFmpeg's pixel formats: components in the order Y, Cb, Cr or R, G, B, with alpha last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PixelLayout {
    /// FFmpeg's number of the format.
    pub(super) id: i32,
    pub(super) name: &'static str,
    pub(super) components: Vec<Component>,
    /// Log2 of the horizontal and vertical chroma factors.
    pub(super) subsampling: (u8, u8),
    pub(super) is_rgb: bool,
    pub(super) is_palette: bool,
    pub(super) has_alpha: bool,
    pub(super) is_big_endian: bool,
    /// True for formats whose samples are not addressable bytes: hardware, bit-packed, mosaic, floating point.
    pub(super) is_opaque: bool,
}

impl PixelLayout {
    /// Bits of the coarsest component; 8 for a palette, whose entries have that many.
    pub(super) fn depth(&self) -> u8 {
        if self.is_palette {
            return 8;
        }
        self.components.iter().map(|component| component.depth).min().unwrap_or(8)
    }

    /// True if it has colour.
    pub(super) fn has_color(&self) -> bool {
        self.is_palette || self.components.len() >= 3
    }

    /// Rows of each plane of a picture `height` rows high.
    pub(super) fn plane_rows(&self, height: usize) -> [usize; 4] {
        let chroma_rows = height.div_ceil(1 << self.subsampling.1);
        let rows_of = |plane| {
            let (first, _) = self.first_component(plane)?;
            Some(if self.is_chroma(first) { chroma_rows } else { height })
        };
        std::array::from_fn(|plane| rows_of(plane).unwrap_or_default())
    }

    /// Of each plane of a picture `width` samples wide: the bytes of a row, and the unused low bits of its samples.
    pub(super) fn plane_samples(&self, width: usize) -> [(usize, u32); 4] {
        let chroma_width = width.div_ceil(1 << self.subsampling.0);
        let samples_of = |plane| {
            let (first, component) = self.first_component(plane)?;
            let samples = if self.is_chroma(first) { chroma_width } else { width };
            Some((samples * component.step, component.shift))
        };
        std::array::from_fn(|plane| samples_of(plane).unwrap_or_default())
    }

    fn first_component(&self, plane: usize) -> Option<(usize, &Component)> {
        self.components.iter().enumerate().find(|(_, component)| component.plane == plane)
    }

    fn is_chroma(&self, component: usize) -> bool {
        !self.is_rgb && self.components.len() >= 3 && (component == 1 || component == 2)
    }

    /// True for `yuvj` formats: the plain format with full range implied.
    pub(super) fn implies_full_range(&self) -> bool {
        self.name.starts_with("yuvj")
    }

    /// The planar format that carries these samples before they are packed; 4:4:4 for RGB and palettes, of the depth
    /// given there, as the conversion to RGB gains from more.
    pub(super) fn delivered(&self, rgb_depth: u8) -> PixelFormat {
        if self.is_rgb || self.is_palette {
            let format = PixelFormat::yuv(Subsampling::S444, rgb_depth);
            return PixelFormat { alpha: self.has_alpha && !self.is_palette, ..format };
        }
        let (x, y) = self.subsampling;
        let model = if self.has_color() { Model::Yuv(Subsampling { x, y }) } else { Model::Gray };
        PixelFormat { model, depth: self.depth(), alpha: self.has_alpha }
    }

    /// True if the sink can fill pictures of this format.
    pub(super) fn is_writable(&self) -> bool {
        if self.is_palette {
            return self.name == "pal8";
        }
        let depths_fit = self.components.iter().all(|component| (8..=16).contains(&component.depth));
        !self.is_opaque && !self.name.starts_with("xyz") && depths_fit && !self.components_overlap()
    }

    /// True if two components share a byte.
    fn components_overlap(&self) -> bool {
        self.components.iter().enumerate().any(|(index, a)| {
            self.components.iter().skip(index + 1).any(|b| {
                a.plane == b.plane && a.offset < b.offset + b.bytes() && b.offset < a.offset + a.bytes()
            })
        })
    }

    fn is_planar(&self) -> bool {
        self.components.iter().all(|c| c.offset == 0 && c.step == usize::from(c.depth > 8) + 1)
    }
}

/// What the encoder's format should hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) format: PixelFormat,
    /// True if RGB comes before YUV of the same merit.
    pub(super) prefers_rgb: bool,
}

/// The layout that loses least: depth counts most, then subsampling, then alpha; then the one that wastes least.
pub(super) fn nearest(layouts: &[PixelLayout], wanted: Wanted) -> Option<PixelLayout> {
    let writable = layouts.iter().filter(|layout| layout.is_writable());
    writable.min_by_key(|layout| demerits(layout, wanted)).cloned()
}

/// In falling order of weight.
fn demerits(layout: &PixelLayout, wanted: Wanted) -> [u8; 10] {
    let format = wanted.format;
    let (x, y) = layout.subsampling;
    let subsampling = format.subsampling();
    let wants_color = format.model != Model::Gray;
    let color_lost = match layout {
        layout if layout.is_palette => 1,
        layout if wants_color && !layout.has_color() => 2,
        _ => 0,
    };
    let subsampling_excess = match wants_color {
        true => subsampling.x.saturating_sub(x) + subsampling.y.saturating_sub(y),
        false => u8::from((x, y) != (1, 1)),
    };
    let model_changed = if wanted.prefers_rgb { !layout.is_rgb } else { layout.is_rgb };
    [
        color_lost,
        format.depth.saturating_sub(layout.depth()),
        if wants_color { x.saturating_sub(subsampling.x) + y.saturating_sub(subsampling.y) } else { 0 },
        u8::from(format.alpha && !layout.has_alpha),
        u8::from(model_changed),
        u8::from(layout.has_color() && !wants_color),
        layout.depth().saturating_sub(format.depth),
        subsampling_excess,
        u8::from(layout.has_alpha && !format.alpha),
        u8::from(layout.implies_full_range()) * 4
            + u8::from(layout.is_big_endian) * 2
            + u8::from(!layout.is_planar()),
    ]
}
