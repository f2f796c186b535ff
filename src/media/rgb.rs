//! Red, green and blue to full-range BT.709 4:4:4 in 16 bit, by our own arithmetic: swscale's loses precision.

use super::ffi_frame::{self, PixelDescription};
use crate::frame::{Frame, Matrix, Plane};
use ffmpeg_next::frame::Video;

/// Converts frames row by row; holds the rows' scratch memory.
#[derive(Default)]
pub(super) struct RgbConverter {
    /// Red, green, blue and alpha in 0..=1.
    channels: [Vec<f32>; 4],
    line: Vec<u16>,
}

impl RgbConverter {
    /// Fills `out` (4:4:4, 16 bit, with or without alpha) from a frame of any RGB, palette or bit-packed grey format.
    pub(super) fn fill(&mut self, frame: &Video, pixel: &PixelDescription, out: &mut Frame) {
        let width = out.info.width as usize;
        self.line.resize(width, 0);
        for channel in &mut self.channels {
            channel.resize(width, 1.0);
        }
        let palette = ffi_frame::palette(frame);
        let [luma, cb, cr, rest @ ..] = out.planes_mut() else {
            return;
        };
        let mut alpha = rest.first_mut().map(Plane::rows_mut);
        let colors = luma.rows_mut().zip(cb.rows_mut()).zip(cr.rows_mut());
        for (y, ((luma, cb), cr)) in colors.enumerate() {
            match &palette {
                Some(palette) => self.read_palette_row(frame, palette, y),
                None => self.read_row(frame, pixel, y),
            }
            self.write_colors(luma, cb, cr);
            if let Some(row) = alpha.as_mut().and_then(Iterator::next) {
                let samples: &mut [u16] = bytemuck::cast_slice_mut(row);
                for (sample, value) in samples.iter_mut().zip(&self.channels[3]) {
                    *sample = quantise(*value);
                }
            }
        }
    }

    fn read_row(&mut self, frame: &Video, pixel: &PixelDescription, y: usize) {
        let alpha = pixel.has_alpha();
        let colors = pixel.components.len() - usize::from(alpha);
        for (index, channel) in self.channels.iter_mut().enumerate() {
            // Monochrome bit maps have one component for all three colours.
            let component = match index {
                3 if !alpha => continue,
                3 => colors,
                _ => index.min(colors.saturating_sub(1)),
            };
            let Some(described) = pixel.components.get(component) else {
                continue;
            };
            ffi_frame::read_component(frame, component, y, &mut self.line);
            let scale = 1.0 / ((1u32 << described.depth) - 1) as f32;
            let is_inverted = pixel.name == "monow";
            for (value, sample) in channel.iter_mut().zip(&self.line) {
                let level = f32::from(*sample) * scale;
                *value = if is_inverted { 1.0 - level } else { level };
            }
        }
    }

    fn read_palette_row(&mut self, frame: &Video, palette: &[u32; 256], y: usize) {
        ffi_frame::read_component(frame, 0, y, &mut self.line);
        let [red, green, blue, alpha] = &mut self.channels;
        let colors = red.iter_mut().zip(green).zip(blue).zip(alpha);
        for ((((red, green), blue), alpha), index) in colors.zip(&self.line) {
            let [b, g, r, a] = palette.get(usize::from(*index)).copied().unwrap_or(0).to_le_bytes();
            *red = f32::from(r) / 255.0;
            *green = f32::from(g) / 255.0;
            *blue = f32::from(b) / 255.0;
            *alpha = f32::from(a) / 255.0;
        }
    }

    fn write_colors(&self, luma: &mut [u8], cb: &mut [u8], cr: &mut [u8]) {
        let (kr, kb) = Matrix::Bt709.weights();
        let (kr, kb) = (kr as f32, kb as f32);
        let kg = 1.0 - kr - kb;
        let [red, green, blue, _] = &self.channels;
        let luma: &mut [u16] = bytemuck::cast_slice_mut(luma);
        let cb: &mut [u16] = bytemuck::cast_slice_mut(cb);
        let cr: &mut [u16] = bytemuck::cast_slice_mut(cr);
        let out = luma.iter_mut().zip(cb).zip(cr);
        for (((luma, cb), cr), ((red, green), blue)) in out.zip(red.iter().zip(green).zip(blue)) {
            let y = kr * red + kg * green + kb * blue;
            *luma = quantise(y);
            *cb = quantise_chroma((blue - y) / (2.0 - 2.0 * kb));
            *cr = quantise_chroma((red - y) / (2.0 - 2.0 * kr));
        }
    }
}

/// 0..=1 to a code value, rounded; the cast saturates.
fn quantise(value: f32) -> u16 {
    (value * 65535.0 + 0.5) as u16
}

/// -0.5..=0.5 to a code value around 2^15, rounded (H.273); the cast saturates.
fn quantise_chroma(value: f32) -> u16 {
    (value * 65535.0 + 32768.5) as u16
}
