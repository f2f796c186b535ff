//! Resampling of one plane.

use super::rows::{self, Sample};
use super::separable::Separable;
use crate::frame::Plane;
use crate::kernel::ResamplePlan;

/// Plans whose filters are kept; a pipeline uses one or two (chroma and alpha).
const KEPT: usize = 8;

#[derive(Default)]
pub(super) struct Resampler {
    filters: Vec<(ResamplePlan, Separable)>,
    padded: Vec<f32>,
    summed: Vec<f32>,
    bias: Vec<f32>,
}

impl Resampler {
    pub(super) fn run(&mut self, arch: pulp::Arch, plan: &ResamplePlan, source: &Plane, out: &mut Plane) {
        if plan.is_copy() {
            for (out, row) in out.rows_mut().zip(source.rows()) {
                out.copy_from_slice(row);
            }
            return;
        }
        match (plan.source_depth <= 8, plan.output_depth <= 8) {
            (true, true) => self.run_typed::<u8, u8>(arch, plan, source, out),
            (true, false) => self.run_typed::<u8, u16>(arch, plan, source, out),
            (false, true) => self.run_typed::<u16, u8>(arch, plan, source, out),
            (false, false) => self.run_typed::<u16, u16>(arch, plan, source, out),
        }
    }

    fn run_typed<S: Sample, T: Sample>(
        &mut self,
        arch: pulp::Arch,
        plan: &ResamplePlan,
        source: &Plane,
        out: &mut Plane,
    ) {
        let index = self.filter(plan);
        let Some((_, filter)) = self.filters.get_mut(index) else { return };
        filter.restart();
        self.padded.resize(filter.horizontal().padded_length(), 0.0);
        self.summed.resize(filter.stride(), 0.0);
        self.bias.resize(plan.output.0, 0.0);
        rows::rounding_bias(0.0, false, 0, &mut self.bias);
        let (padded, summed, bias) = (&mut self.padded, &mut self.summed, &mut self.bias);
        rows::vectorized(
            arch,
            #[inline(always)]
            || {
                let mut outputs = out.rows_mut();
                for row in source.rows() {
                    rows::widen::<S>(bytemuck::cast_slice(row), filter.horizontal().inside(padded));
                    filter.horizontal().pad(padded);
                    filter.push(padded);
                    while let Some(y) = filter.pull(summed) {
                        let Some(out) = outputs.next() else { return };
                        if plan.dither {
                            rows::rounding_bias(0.0, true, y, bias);
                        }
                        let out: &mut [T] = bytemuck::cast_slice_mut(out);
                        rows::quantize(summed, plan.gain, bias, plan.output_max(), out);
                    }
                }
            },
        );
    }

    /// Index of the filter of `plan`, made when it is new.
    fn filter(&mut self, plan: &ResamplePlan) -> usize {
        if let Some(index) = self.filters.iter().position(|(known, _)| known == plan) {
            return index;
        }
        if self.filters.len() == KEPT {
            self.filters.remove(0);
        }
        let filter = Separable::new(plan.source, &plan.horizontal, &plan.vertical);
        self.filters.push((plan.clone(), filter));
        self.filters.len() - 1
    }
}
