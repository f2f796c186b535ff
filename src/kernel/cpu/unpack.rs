//! Tensor elements to picture samples.

use super::rows::{self, Sample};
use super::separable::Separable;
use crate::frame::{Frame, Plane};
use crate::kernel::convert::{self, ChromaKey, Linear};
use crate::kernel::{Skip, TensorColor, TensorLayout, UnpackSpec};

#[derive(Default)]
pub(super) struct Unpacker {
    chroma: Option<Averager>,
    /// One row of each picture channel.
    picture: [Vec<f32>; 3],
    bias: Vec<f32>,
    dithered: Vec<f32>,
    values: Vec<f32>,
    padded: Vec<f32>,
}

/// How luma-sized chroma of one kind of picture is averaged down.
struct Averager {
    key: ChromaKey,
    planes: [Separable; 2],
}

impl Unpacker {
    /// `size` is the tensor's (columns, rows).
    pub(super) fn run(
        &mut self,
        arch: pulp::Arch,
        elements: &[f32],
        size: (usize, usize),
        spec: &UnpackSpec,
        source: &Frame,
        out: &mut Frame,
    ) {
        let channels = spec.tensor.channels();
        let pixel = (spec.tensor.layout == TensorLayout::Nhwc && channels > 1).then_some(channels);
        let gather = Gather { elements, size, block: spec.tensor.block, pixel };
        for row in &mut self.picture {
            row.resize(size.0 * spec.tensor.block, 0.0);
        }
        self.bias.resize(out.info.width as usize, 0.0);
        self.dithered.resize(out.info.width as usize, 0.0);
        let bytes = (source.info.format.sample_bytes(), out.info.format.sample_bytes());
        match (spec.tensor.color, bytes) {
            (TensorColor::Luma, (1, 1)) => self.luma::<u8, u8>(arch, &gather, spec, source, out),
            (TensorColor::Luma, (1, _)) => self.luma::<u8, u16>(arch, &gather, spec, source, out),
            (TensorColor::Luma, (_, 1)) => self.luma::<u16, u8>(arch, &gather, spec, source, out),
            (TensorColor::Luma, (_, _)) => self.luma::<u16, u16>(arch, &gather, spec, source, out),
            (TensorColor::Rgb | TensorColor::Bgr, (_, 1)) => self.rgb::<u8>(arch, &gather, spec, out),
            (TensorColor::Rgb | TensorColor::Bgr, (_, _)) => self.rgb::<u16>(arch, &gather, spec, out),
        }
    }

    fn luma<S: Sample, T: Sample>(
        &mut self,
        arch: pulp::Arch,
        gather: &Gather<'_>,
        spec: &UnpackSpec,
        source: &Frame,
        out: &mut Frame,
    ) {
        let (map, skip_gain) = convert::unpack_luma(spec, &source.info, &out.info);
        let max = out.info.format.max_value();
        let (Some(plane), Some(source)) = (out.planes_mut().first_mut(), source.planes().first()) else {
            return;
        };
        let [scratch, ..] = &mut self.picture;
        let (bias, dithered) = (&mut self.bias, &mut self.dithered);
        rows::rounding_bias(map.offset, false, 0, bias);
        rows::vectorized(
            arch,
            #[inline(always)]
            || {
                for (y, out) in plane.rows_mut().enumerate() {
                    let row = gather.row(0, y, scratch);
                    if spec.skip == Skip::Nearest && y.is_multiple_of(spec.scale) {
                        let samples: &[S] = bytemuck::cast_slice(source.row(y / spec.scale));
                        let map = Linear { gain: skip_gain, offset: map.offset + 0.5 };
                        rows::repeat(samples, spec.scale, map, bias);
                    }
                    let bias: &[f32] = if spec.dither {
                        dithered.copy_from_slice(bias);
                        rows::add_dither(y, dithered);
                        dithered
                    } else {
                        bias
                    };
                    rows::quantize::<T>(row, map.gain, bias, max, bytemuck::cast_slice_mut(out));
                }
            },
        );
    }

    fn rgb<T: Sample>(&mut self, arch: pulp::Arch, gather: &Gather<'_>, spec: &UnpackSpec, out: &mut Frame) {
        let map = convert::rgb_to_yuv(&out.info, &spec.tensor);
        let ([luma_weights, cb_weights, cr_weights], [luma_offset, cb_offset, cr_offset]) =
            (map.weights, map.offsets);
        let width = out.info.width as usize;
        let max = out.info.format.max_value();
        let averager = Averager::for_frame(&mut self.chroma, out);
        let stride = averager.planes.iter().map(Separable::stride).max().unwrap_or(0);
        self.values.resize(width.max(stride), 0.0);
        self.padded.resize(
            averager.planes.iter().map(|plane| plane.horizontal().padded_length()).max().unwrap_or(0),
            0.0,
        );
        let (picture, bias) = (&mut self.picture, &mut self.bias);
        let (values, padded) = (&mut self.values, &mut self.padded);
        let (luma, chroma) = match out.planes_mut() {
            [luma, cb, cr, ..] => (luma, Some([cb, cr])),
            [luma, ..] => (luma, None),
            [] => return,
        };
        let mut chroma = chroma.map(|planes| planes.map(Plane::rows_mut));
        rows::vectorized(
            arch,
            #[inline(always)]
            || {
                for (y, out) in luma.rows_mut().enumerate() {
                    let [r, g, b] = &mut *picture;
                    let inputs = [gather.row(0, y, r), gather.row(1, y, g), gather.row(2, y, b)];
                    rows::affine(inputs, luma_weights, luma_offset, values);
                    rows::rounding_bias(0.0, spec.dither, y, bias);
                    rows::quantize::<T>(values, 1.0, bias, max, bytemuck::cast_slice_mut(out));
                    let Some(chroma) = &mut chroma else { continue };
                    let forms = [(cb_weights, cb_offset), (cr_weights, cr_offset)];
                    for ((filter, outputs), (weights, offset)) in
                        averager.planes.iter_mut().zip(chroma).zip(forms)
                    {
                        rows::affine(inputs, weights, offset, filter.horizontal().inside(padded));
                        filter.horizontal().pad(padded);
                        filter.push(padded);
                        while let Some(y) = filter.pull(values) {
                            let Some(out) = outputs.next() else { break };
                            rows::rounding_bias(0.0, spec.dither, y, bias);
                            rows::quantize::<T>(values, 1.0, bias, max, bytemuck::cast_slice_mut(out));
                        }
                    }
                }
            },
        );
    }
}

impl Averager {
    /// The averager of `frame`, at its start, made when `kept` is for another kind of picture.
    fn for_frame<'a>(kept: &'a mut Option<Self>, frame: &Frame) -> &'a mut Self {
        let key = ChromaKey::of(frame);
        if kept.as_ref().is_some_and(|averager| averager.key != key) {
            *kept = None;
        }
        let averager = kept.get_or_insert_with(|| {
            let (horizontal, vertical) = key.averaging();
            let size = (frame.info.width as usize, frame.info.height as usize);
            Self { key, planes: std::array::from_fn(|_| Separable::new(size, &horizontal, &vertical)) }
        });
        averager.planes.iter_mut().for_each(Separable::restart);
        averager
    }
}

/// Reads picture rows from a tensor in depth-to-space order.
struct Gather<'a> {
    elements: &'a [f32],
    /// Columns and rows of the tensor.
    size: (usize, usize),
    block: usize,
    /// Elements from one column to the next where channels are innermost.
    pixel: Option<usize>,
}

impl Gather<'_> {
    /// Row `y` of picture channel `component`, put together in `scratch` if it does not lie in the tensor as it is.
    #[inline(always)]
    fn row<'b>(&'b self, component: usize, y: usize, scratch: &'b mut [f32]) -> &'b [f32] {
        let (columns, rows) = self.size;
        let block = self.block;
        let channel = (component * block + y % block) * block;
        if let Some(pixel) = self.pixel {
            let start = y / block * columns * pixel;
            let row = self.elements.get(start..start + columns * pixel).unwrap_or_default();
            rows::gather_pixels(row, block, pixel, channel, scratch);
            return scratch;
        }
        let row = |phase: usize| {
            let start = ((channel + phase) * rows + y / block) * columns;
            self.elements.get(start..start + columns).unwrap_or_default()
        };
        if block == 1 {
            return row(0);
        }
        rows::interleave(row, block, scratch);
        scratch
    }
}
