//! Inference on tensors that kernels and network share, beside the way through host memory.

use super::tile::TileGrid;
use crate::error::{Error, KernelError};
use crate::frame::{DataType, Frame, MemoryPlace, Plane, SharedTensor, TensorLayout};
use crate::kernel::{Kernels, SharedKernels, TensorSpec, UnpackSpec};
use crate::model::Session;

/// Code values by which both ways may differ: providers on GPUs need not repeat themselves bit for bit.
const TOLERANCE: u16 = 1;

/// What is inferred: every tile of a grid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job<'a> {
    pub(super) grid: &'a TileGrid,
    pub(super) pack: &'a TensorSpec,
    pub(super) unpack: &'a UnpackSpec,
    /// Shapes of the network's output and of the whole picture's.
    pub(super) tile: [usize; 3],
    pub(super) canvas: [usize; 3],
}

/// The shared tensors of one network, and whether they are used.
#[derive(Default)]
pub(super) enum Shared {
    /// Nobody knows yet whether it works here.
    #[default]
    Untried,
    /// It works.
    Running(Box<Tensors>),
    /// It does not.
    Off,
}

pub(super) struct Tensors {
    input: SharedTensor,
    output: SharedTensor,
    /// For pictures of several tiles.
    canvas: Option<SharedTensor>,
}

impl Shared {
    /// Makes `out` of `source` if that is known to work; false if it is not, or does not any more.
    pub(super) fn process(
        &mut self,
        job: Job<'_>,
        kernels: &mut dyn Kernels,
        session: &mut Session,
        source: &Frame,
        out: &mut Frame,
    ) -> bool {
        let (Self::Running(tensors), Some(kernels)) = (&mut *self, kernels.shared()) else { return false };
        match tensors.process(job, kernels, session, source, out) {
            Ok(()) => true,
            Err(error) => {
                self.give_up(session, &reason(error));
                false
            }
        }
    }

    /// Finds out whether it works: whether shared tensors give the pixels `expected` of `source`, which were made with
    /// copies.
    pub(super) fn try_out(
        &mut self,
        job: Job<'_>,
        kernels: &mut dyn Kernels,
        session: &mut Session,
        source: &Frame,
        expected: &Frame,
    ) {
        let (Self::Untried, Some(kernels)) = (&*self, kernels.shared()) else { return };
        let place = match session.memory_place() {
            Ok(Some(place)) => place,
            Ok(None) => return,
            Err(reason) => return self.give_up(session, &reason),
        };
        let tried = Tensors::new(job, kernels, place).map_err(Error::from).and_then(|mut tensors| {
            let mut found = Frame::allocate(expected.info.clone(), None);
            tensors.process(job, kernels, session, source, &mut found)?;
            Ok((tensors, found))
        });
        match tried {
            Err(error) => self.give_up(session, &reason(error)),
            Ok((_, found)) if !agree(&found, expected) => {
                self.give_up(session, "the network gives other pixels on shared tensors");
            }
            Ok((tensors, _)) => {
                session.note(format!("tensors: shared with the network in {place}"));
                *self = Self::Running(Box::new(tensors));
            }
        }
    }

    /// Remembers and tells that tensors are copied.
    fn give_up(&mut self, session: &Session, reason: &str) {
        let note = format!("tensors: copied through host memory, because {reason}");
        tracing::info!("{note}");
        session.note(note);
        *self = Self::Off;
    }
}

impl Tensors {
    fn new(job: Job<'_>, kernels: &mut dyn SharedKernels, place: MemoryPlace) -> Result<Self, KernelError> {
        let Job { grid, pack, unpack, .. } = job;
        let region = grid.tiles.first().map(|tile| tile.region);
        let input = region.map_or([0; 3], |region| pack.shape(region.width, region.height));
        let length = |shape: [usize; 3], kind: DataType| shape.iter().product::<usize>() * kind.bytes();
        Ok(Self {
            input: kernels.allocate(place, length(input, pack.kind))?,
            output: kernels.allocate(place, length(job.tile, unpack.tensor.kind))?,
            canvas: (!grid.is_whole())
                .then(|| kernels.allocate(place, length(job.canvas, DataType::F32)))
                .transpose()?,
        })
    }

    fn process(
        &mut self,
        job: Job<'_>,
        kernels: &mut dyn SharedKernels,
        session: &mut Session,
        source: &Frame,
        out: &mut Frame,
    ) -> Result<(), Error> {
        let layout: TensorLayout = job.unpack.tensor.layout;
        if let Some(canvas) = &mut self.canvas {
            kernels.clear_shared(job.canvas, layout, canvas)?;
        }
        for tile in &job.grid.tiles {
            kernels.pack_shared(source, tile.region, job.pack, &mut self.input)?;
            session.run_shared(&self.input, &mut self.output, job.tile)?;
            if let Some(canvas) = &mut self.canvas {
                kernels.blend_tile_shared(&self.output, &tile.place, canvas)?;
            }
        }
        let whole = self.canvas.as_ref().unwrap_or(&self.output);
        Ok(kernels.unpack_shared(whole, job.unpack, source, out)?)
    }
}

/// What to tell the user; nothing is to be done about memory that cannot be shared.
fn reason(error: Error) -> String {
    match error {
        Error::Kernel(KernelError::Unavailable { reason, .. }) => reason,
        other => other.to_string(),
    }
}

/// True if no sample differs by more than [`TOLERANCE`].
fn agree(found: &Frame, expected: &Frame) -> bool {
    found.planes().iter().zip(expected.planes()).all(|(found, expected)| planes_agree(found, expected))
}

fn planes_agree(found: &Plane, expected: &Plane) -> bool {
    let wide = found.sample_bytes == 2;
    found.rows().zip(expected.rows()).all(|(found, expected)| {
        if wide {
            let (found, expected): (&[u16], &[u16]) =
                (bytemuck::cast_slice(found), bytemuck::cast_slice(expected));
            found.iter().zip(expected).all(|(found, expected)| found.abs_diff(*expected) <= TOLERANCE)
        } else {
            let near = |(found, expected): (&u8, &u8)| u16::from(found.abs_diff(*expected)) <= TOLERANCE;
            found.iter().zip(expected).all(near)
        }
    })
}
