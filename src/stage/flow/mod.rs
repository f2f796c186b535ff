//! Classical optical flow as a predictor of motion: dense inverse search (Kroeger et al., "Fast optical flow using dense
//! inverse search", ECCV 2016) without its variational refinement.

mod dense;
mod patch;
mod plane;
mod project;
mod search;

#[cfg(test)]
mod tests;

use crate::frame::{MotionField, SmallFrame};
use dense::Dense;
use plane::Level;
use search::Grid;

/// Sides of the coarsest level are at least this many samples.
const COARSEST: usize = 12;

/// How finely motion is estimated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlowDetail {
    /// On one value of luma per cell.
    Quick,
    /// On the four values of luma of each cell.
    #[default]
    Fine,
}

/// Where the content of each cell of a frame lies in another one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Estimate {
    /// Columns of cells.
    pub width: usize,
    /// Luma samples of the source along each side of a cell.
    pub shrink: usize,
    /// dx and dy in luma samples of the source, row by row.
    pub displacement: [Vec<f32>; 2],
}

/// Estimates the motion between two frames, and what it makes of a frame after or between them. Nothing is learnt, and
/// nothing is remembered from one pair to the next.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    detail: FlowDetail,
    source: (u32, u32),
    shrink: usize,
    first: Vec<Level>,
    other: Vec<Level>,
    grids: Vec<Grid>,
    /// From the first to the other frame.
    there: Dense,
    /// From the other to the first frame.
    back: Dense,
    scratch: Vec<f32>,
}

impl Flow {
    /// Of this detail.
    pub fn new(detail: FlowDetail) -> Self {
        Self { detail, ..Self::default() }
    }

    /// Estimates the motion from `first` to `other`, for [`Flow::extrapolate`].
    pub fn estimate(&mut self, first: &SmallFrame, other: &SmallFrame) {
        self.run(first, other, false);
    }

    /// Estimates the motion from `first` to `other` and the motion back, for [`Flow::interpolate`].
    pub fn estimate_both(&mut self, first: &SmallFrame, other: &SmallFrame) {
        self.run(first, other, true);
    }

    fn run(&mut self, first: &SmallFrame, other: &SmallFrame, both: bool) {
        (self.source, self.shrink) = (first.source, first.shrink);
        let finest = usize::from(self.detail == FlowDetail::Quick);
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                build(&mut self.first, first);
                build(&mut self.other, other);
                search(&self.first, &self.other, finest, &mut self.grids, &mut self.there);
                if both {
                    search(&self.other, &self.first, finest, &mut self.grids, &mut self.back);
                }
            },
        );
    }

    /// Where the content of each cell of the first frame lies in the other one.
    pub fn displacements(&self) -> Estimate {
        let (shrink, cells) = (self.shrink as f32, self.there.cells());
        let x = cells.iter().map(|cell| cell.x * shrink).collect();
        let y = cells.iter().map(|cell| cell.y * shrink).collect();
        Estimate { width: self.there.width, shrink: self.shrink, displacement: [x, y] }
    }

    /// Where in the other frame lies what moves to each cell in `share` of the time, against the motion to that frame: as
    /// many luma samples of the source from where it was in the first one.
    pub fn traced(&self, share: f32) -> [Vec<f32>; 2] {
        let (width, shrink) = (self.there.width.max(1), self.shrink as f32);
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                let cells = 0..self.there.cells().len();
                let traced = cells.map(|index| {
                    let place = ((index % width) as f32, (index / width) as f32);
                    let cell = project::trace(&self.there, place, share);
                    (cell.x * shrink, cell.y * shrink)
                });
                traced.unzip().into()
            },
        )
    }

    /// The field of the frame at `tau` after the first one, in units of the time from the other, older frame to it.
    pub fn extrapolate(&mut self, tau: f32, field: &mut MotionField) {
        field.reshape(self.source, self.shrink);
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || project::extrapolate(&self.there, tau, field, &mut self.scratch),
        );
    }

    /// The field of the frame at `tau` between the first (0) and the other, later frame (1).
    pub fn interpolate(&mut self, tau: f32, field: &mut MotionField) {
        field.reshape(self.source, self.shrink);
        let finest = usize::from(self.detail == FlowDetail::Quick);
        let (Some(first), Some(other)) = (self.first.get(finest), self.other.get(finest)) else { return };
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                let motions = (&self.there, &self.back);
                project::interpolate(motions, (first, other), tau, field, &mut self.scratch);
            },
        );
    }
}

/// Makes a pyramid of the frame's luma.
#[inline(always)]
fn build(levels: &mut Vec<Level>, frame: &SmallFrame) {
    let (width, height) = (2 * frame.width, 2 * frame.height);
    let mut count = 2;
    while width.min(height) >> count >= COARSEST {
        count += 1;
    }
    levels.resize(count, Level::default());
    let mut above: Option<&Level> = None;
    for level in levels {
        match above {
            Some(above) => level.halve(above),
            None => level.copy_from(&frame.luma, width),
        }
        above = Some(level);
    }
}

#[inline(always)]
fn search(first: &[Level], other: &[Level], finest: usize, grids: &mut Vec<Grid>, motion: &mut Dense) {
    grids.resize(first.len(), Grid::default());
    let mut coarse: Option<&Grid> = None;
    let levels = grids.iter_mut().zip(first.iter().zip(other)).enumerate().skip(finest).rev();
    for (index, (grid, (first, other))) in levels {
        // The finest level has most of the patches, and good candidates.
        grid.search(first, other, coarse, index > finest);
        coarse = Some(grid);
    }
    let (Some(grid), Some(first), Some(other)) = (coarse, first.get(finest), other.get(finest)) else {
        return;
    };
    match finest {
        0 => motion.gather::<2>(grid, first, other),
        _ => motion.gather::<1>(grid, first, other),
    }
}
