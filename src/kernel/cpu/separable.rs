//! Separable filtering of a plane that comes row by row: rows are filtered horizontally as they come and kept in a
//! ring, from which finished rows are summed vertically.

use super::rows::{self, LANES};
use crate::kernel::Taps;

/// Filters rows by the taps of one axis.
///
/// Its input rows are *padded*: edge samples repeated, so that no tap reads outside.
#[derive(Debug)]
pub(super) struct Horizontal {
    source: usize,
    /// Samples before the source's first one.
    pad: usize,
    /// Samples of a padded row, before its split copy.
    padded: usize,
    taps: HorizontalTaps,
}

#[derive(Debug)]
enum HorizontalTaps {
    /// Output samples `i * phases.len() + q` share the weights of phase q, and advance by `advance` source samples
    /// with i.
    ///
    /// With an advance above 1 the padded row is followed by its split copy: all samples at multiples of the advance,
    /// then those 1 further, and so on, so that taps of neighbouring i are neighbours in memory.
    Periodic { phases: Vec<Phase>, advance: usize },
    /// Every output sample has weights of its own.
    General { width: usize, first: Vec<usize>, weights: Vec<f32> },
}

/// The taps of output sample i of a phase: weights of the elements `i + offset`.
#[derive(Debug)]
struct Phase {
    taps: Vec<(usize, f32)>,
}

impl Horizontal {
    /// The filter for rows of `source` samples.
    pub(super) fn new(source: usize, taps: &Taps) -> Self {
        let lowest = taps.first.first().copied().unwrap_or(0);
        let highest = taps.first.last().copied().unwrap_or(0);
        let pad = usize::try_from(-i64::from(lowest)).unwrap_or(0);
        let in_padded = |first: i32| usize::try_from(i64::from(first) + pad as i64).unwrap_or(0);
        let period = (1..=LARGEST_PERIOD).find_map(|period| Some((period, advance_of(taps, period)?)));
        // Periodic taps compute whole blocks, whose last outputs may lie beyond the row.
        let beyond = period.map_or(0, |(_, advance)| 3 * LANES * advance);
        let padded = (in_padded(highest) + taps.width + beyond).max(pad + source);
        let first = || taps.first.iter().map(|first| in_padded(*first));
        let taps = match period {
            Some((period, advance)) => {
                let offset = |sample: usize| match advance {
                    1 => sample,
                    _ => padded + sample % advance * (padded / advance) + sample / advance,
                };
                let phase = |(first, weights): (usize, &[f32])| Phase {
                    taps: weights
                        .iter()
                        .zip(first..)
                        .map(|(weight, sample)| (offset(sample), *weight))
                        .collect(),
                };
                let rows = first().zip(taps.weights.chunks_exact(taps.width));
                HorizontalTaps::Periodic { phases: rows.take(period).map(phase).collect(), advance }
            }
            None => HorizontalTaps::General {
                width: taps.width,
                first: first().collect(),
                weights: taps.weights.clone(),
            },
        };
        Self { source, pad, padded, taps }
    }

    /// Length of the memory for a padded input row.
    pub(super) fn padded_length(&self) -> usize {
        match self.taps {
            HorizontalTaps::Periodic { advance: 2.., .. } => 2 * self.padded,
            _ => self.padded,
        }
    }

    /// The samples of a padded row that come from the source.
    #[inline(always)]
    pub(super) fn inside<'a>(&self, padded: &'a mut [f32]) -> &'a mut [f32] {
        padded.get_mut(self.pad..self.pad + self.source).unwrap_or_default()
    }

    /// Completes a padded row whose inside is filled.
    #[inline(always)]
    pub(super) fn pad(&self, padded: &mut [f32]) {
        let Some((row, split)) = padded.split_at_mut_checked(self.padded) else { return };
        rows::extend_edges(row, self.pad, self.pad + self.source);
        if let HorizontalTaps::Periodic { advance: advance @ 2.., .. } = self.taps {
            for (phase, out) in split.chunks_exact_mut(self.padded / advance).enumerate().take(advance) {
                rows::take_phase(row, advance, phase, out);
            }
        }
    }

    /// Outputs after which the weights repeat: [`Self::apply`] can start at its multiples.
    pub(super) fn period(&self) -> usize {
        match &self.taps {
            HorizontalTaps::Periodic { phases, .. } => phases.len(),
            HorizontalTaps::General { .. } => 1,
        }
    }

    /// Length that an output row needs for `count` outputs, which are computed in blocks.
    pub(super) fn row_length(&self, count: usize) -> usize {
        count.next_multiple_of(self.period() * LANES).next_multiple_of(2 * LANES)
    }

    /// Computes outputs from `from` on into `out`, whose length is by [`Self::row_length`].
    #[inline(always)]
    pub(super) fn apply(&self, padded: &[f32], from: usize, out: &mut [f32]) {
        match &self.taps {
            HorizontalTaps::Periodic { phases, .. } => match phases.len() {
                1 => periodic::<1>(phases, padded, from, out),
                2 => periodic::<2>(phases, padded, from, out),
                3 => periodic::<3>(phases, padded, from, out),
                _ => periodic::<4>(phases, padded, from, out),
            },
            HorizontalTaps::General { width, first, weights } => {
                let rows = first.iter().zip(weights.chunks_exact(*width)).skip(from);
                for (out, (first, weights)) in out.iter_mut().zip(rows) {
                    let window = padded.get(*first..).unwrap_or_default();
                    *out = window.iter().zip(weights).map(|(value, weight)| value * weight).sum();
                }
            }
        }
    }
}

/// Ratios of numbers up to this are filtered in blocks: 2, 3 or 4 times, halves, thirds, quarters, 3:2, 4:3, ...
const LARGEST_PERIOD: usize = 4;

/// Source samples from a weight to its repetition, if the taps repeat every `period` outputs.
fn advance_of(taps: &Taps, period: usize) -> Option<usize> {
    let steps = || taps.first.iter().zip(taps.first.iter().skip(period)).map(|(a, b)| b - a);
    let advance = steps().next().unwrap_or(1);
    let mut weights = taps.weights.iter().zip(taps.weights.iter().skip(period * taps.width));
    let repeats = period <= taps.first.len()
        && steps().all(|step| step == advance)
        // Positions are rounded, so equal weights may differ in their last bit.
        && weights.all(|(a, b)| (a - b).abs() < 1e-6);
    usize::try_from(advance).ok().filter(|advance| repeats && (1..=LARGEST_PERIOD).contains(advance))
}

#[inline(always)]
fn periodic<const P: usize>(phases: &[Phase], padded: &[f32], from: usize, out: &mut [f32]) {
    for (block, out) in out.chunks_exact_mut(P * LANES).enumerate() {
        let window = padded.get(from / P + block * LANES..).unwrap_or_default();
        let mut lanes = [[0.0; LANES]; P];
        for (lanes, phase) in lanes.iter_mut().zip(phases) {
            *lanes = convolve(window, &phase.taps);
        }
        transpose(&lanes, out);
    }
}

/// The sums of `taps` over [`LANES`] neighbouring windows.
#[inline(always)]
fn convolve(source: &[f32], taps: &[(usize, f32)]) -> [f32; LANES] {
    let mut sums = [0.0; LANES];
    for (offset, weight) in taps {
        let Some(window) = source.get(*offset..).and_then(|rest| rest.first_chunk::<LANES>()) else {
            continue;
        };
        for (sum, value) in sums.iter_mut().zip(window) {
            *sum += weight * value;
        }
    }
    sums
}

#[inline(always)]
fn transpose<const P: usize>(lanes: &[[f32; LANES]; P], out: &mut [f32]) {
    rows::interleave(|phase| lanes.get(phase).map_or(&[], |lane| lane.as_slice()), P, out);
}

/// A separable filter fed row by row.
#[derive(Debug)]
pub(super) struct Separable {
    horizontal: Horizontal,
    vertical: Taps,
    source_rows: usize,
    stride: usize,
    ring: Vec<f32>,
    offsets: Vec<usize>,
    pushed: usize,
    pulled: usize,
}

impl Separable {
    /// The filter of planes of `source` size (width, height).
    pub(super) fn new(source: (usize, usize), horizontal: &Taps, vertical: &Taps) -> Self {
        let filter = Horizontal::new(source.0, horizontal);
        let stride = filter.row_length(horizontal.first.len());
        Self {
            ring: vec![0.0; stride * vertical.width],
            offsets: Vec::with_capacity(vertical.width),
            horizontal: filter,
            vertical: vertical.clone(),
            source_rows: source.1,
            stride,
            pushed: 0,
            pulled: 0,
        }
    }

    /// The filter along rows, which says how rows are padded.
    pub(super) fn horizontal(&self) -> &Horizontal {
        &self.horizontal
    }

    /// Length of an output row with its padding.
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    /// Starts a new plane.
    pub(super) fn restart(&mut self) {
        self.pushed = 0;
        self.pulled = 0;
    }

    /// Takes the next source row, padded.
    #[inline(always)]
    pub(super) fn push(&mut self, padded: &[f32]) {
        let slot = self.pushed % self.vertical.width * self.stride;
        self.pushed += 1;
        if let Some(row) = self.ring.get_mut(slot..slot + self.stride) {
            self.horizontal.apply(padded, 0, row);
        }
    }

    /// Computes the next output row into `out` (of [`Self::stride`] elements) and gives its index, if its source
    /// rows have all come.
    #[inline(always)]
    pub(super) fn pull(&mut self, out: &mut [f32]) -> Option<usize> {
        let width = self.vertical.width;
        let first = i64::from(*self.vertical.first.get(self.pulled)?);
        let row = |k: usize| (first + k as i64).clamp(0, self.source_rows as i64 - 1) as usize;
        if row(width - 1) >= self.pushed {
            return None;
        }
        self.offsets.clear();
        self.offsets.extend((0..width).map(|k| row(k) % width * self.stride));
        let weights = self.vertical.weights.get(self.pulled * width..).unwrap_or_default();
        sum_rows(&self.ring, &self.offsets, weights, out);
        self.pulled += 1;
        Some(self.pulled - 1)
    }
}

/// `out` = the sum of the rows of `ring` at `offsets`, weighted.
#[inline(always)]
fn sum_rows(ring: &[f32], offsets: &[usize], weights: &[f32], out: &mut [f32]) {
    const WIDE: usize = 2 * LANES;
    for (block, out) in out.as_chunks_mut::<WIDE>().0.iter_mut().enumerate() {
        let mut sums = [0.0; WIDE];
        for (offset, weight) in offsets.iter().zip(weights) {
            let Some(values) = ring.get(offset + block * WIDE..).and_then(|rest| rest.first_chunk::<WIDE>())
            else {
                continue;
            };
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += weight * value;
            }
        }
        *out = sums;
    }
}
