//! Inference on tensors that kernels and network share, beside the way through host memory.

mod way;

use super::tile::TileGrid;
use crate::error::{Error, KernelError};
use crate::frame::{DataType, Frame, MemoryPlace, NetworkTurns, Plane, SharedTensor, TensorLayout};
use crate::kernel::{Kernels, SharedKernels, TensorSpec, UnpackSpec};
use crate::model::{Session, SharedRun};
use way::Way;

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
    way: Way,
    /// The network's, where the way has semaphores.
    turns: Option<Box<dyn NetworkTurns>>,
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
                self.give_up(session, Some(kernels), &reason(error));
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
            Err(reason) => return self.give_up(session, None, &reason),
        };
        let tensors = {
            let _others_do_not_capture = session.begin();
            Tensors::new(job, kernels, place)
        };
        let mut tensors = match tensors {
            Ok(tensors) => tensors,
            Err(error) => return self.give_up(session, None, &reason(error.into())),
        };
        // Why it is no better way.
        let mut problems: Vec<String> = Vec::new();
        if place != MemoryPlace::Host {
            problems.extend(session.stream().err());
        }
        for way in Way::of(session.stream().is_ok(), session.replays()) {
            match tensors.try_way(way, job, kernels, session, (source, expected)) {
                Ok(()) => {
                    session.note(way.note(place, &problems));
                    *self = Self::Running(Box::new(tensors));
                    return;
                }
                Err(reason) => {
                    tracing::info!("tensors are not shared in {place}{way}: {reason}");
                    problems.retain(|known| *known != reason);
                    problems.push(reason);
                }
            }
        }
        self.give_up(session, Some(kernels), problems.last().map_or("there is no way to", String::as_str));
    }

    /// Remembers and tells that tensors are copied.
    fn give_up(&mut self, session: &Session, kernels: Option<&mut dyn SharedKernels>, reason: &str) {
        // The network's part goes first, and waits for what it promised.
        *self = Self::Off;
        if let Some(kernels) = kernels {
            kernels.end_turns();
        }
        let note = format!("tensors: copied through host memory, because {reason}");
        tracing::info!("{note}");
        session.note(note);
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
            way: Way { semaphores: false, graph: false },
            turns: None,
        })
    }

    /// Takes to `way` and makes of a source what it is expected to be; says what is wrong with it else.
    fn try_way(
        &mut self,
        way: Way,
        job: Job<'_>,
        kernels: &mut dyn SharedKernels,
        session: &mut Session,
        (source, expected): (&Frame, &Frame),
    ) -> Result<(), String> {
        self.take_to(way, kernels, session).map_err(|error| reason(error.into()))?;
        let mut found = Frame::allocate(expected.info.clone(), None);
        for _ in 0..way.trials() {
            // What an earlier run left must not be taken for what this one makes.
            self.clear_output(kernels).map_err(|error| reason(error.into()))?;
            self.process(job, kernels, session, source, &mut found).map_err(reason)?;
        }
        if agree(&found, expected) {
            return Ok(());
        }
        Err("the network gives other pixels on shared tensors".into())
    }

    fn take_to(
        &mut self,
        way: Way,
        kernels: &mut dyn SharedKernels,
        session: &Session,
    ) -> Result<(), KernelError> {
        self.way = way;
        if way.semaphores == self.turns.is_some() {
            return Ok(());
        }
        let _others_do_not_capture = session.begin();
        self.turns = None;
        kernels.end_turns();
        if way.semaphores {
            let unavailable = |reason| KernelError::Unavailable { backend: "gpu", reason };
            self.turns = Some(kernels.take_turns(&session.stream().map_err(unavailable)?)?);
        }
        Ok(())
    }

    fn clear_output(&mut self, kernels: &mut dyn SharedKernels) -> Result<(), KernelError> {
        let words = self.output.capacity() / size_of::<f32>();
        kernels.clear_shared([1, 1, words], TensorLayout::Nchw, &mut self.output)
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
            let how = SharedRun { turns: borrowed(&mut self.turns), replay: self.way.graph };
            session.run_shared(&self.input, &mut self.output, job.tile, how)?;
            if let Some(canvas) = &mut self.canvas {
                kernels.blend_tile_shared(&self.output, &tile.place, canvas)?;
            }
        }
        let whole = self.canvas.as_ref().unwrap_or(&self.output);
        Ok(kernels.unpack_shared(whole, job.unpack, source, out)?)
    }
}

fn borrowed(turns: &mut Option<Box<dyn NetworkTurns>>) -> Option<&mut dyn NetworkTurns> {
    match turns {
        Some(turns) => Some(turns.as_mut()),
        None => None,
    }
}

/// What to tell the user; nothing is to be done about memory that cannot be shared.
pub(super) fn reason(error: Error) -> String {
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

#[cfg(test)]
#[cfg(all(feature = "gpu", target_os = "linux"))]
mod tests {
    #![expect(clippy::print_stdout, reason = "a test says why it is skipped")]

    use crate::error::KernelError;
    use crate::frame::{BufferPool, Frame, FrameInfo, PixelFormat};
    use crate::kernel::Kernels;
    use crate::kernel::gpu::GpuKernels;
    use crate::kernel::gpu::processor::{Mode, take_turns_as};
    use crate::model::{Execution, Model, Runtime};
    use crate::stage::{Upscaler, UpscalerOptions};

    fn kernels() -> Option<GpuKernels> {
        match GpuKernels::new() {
            Ok(kernels) => Some(kernels),
            Err(KernelError::Unavailable { reason, .. }) => {
                println!("skipped: {reason}");
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn frame(time: usize) -> Frame {
        let info =
            FrameInfo { pts: time as i64, duration: 1, ..FrameInfo::new(150, 90, PixelFormat::YUV420P) };
        let mut frame = Frame::allocate(info, None);
        for plane in frame.planes_mut() {
            for (y, row) in plane.rows_mut().enumerate() {
                let value = |x: usize| ((x * 7 + y * 3 + time * 41) % 220) as u8 + 16;
                row.iter_mut().enumerate().for_each(|(x, sample)| *sample = value(x));
            }
        }
        frame
    }

    fn enlarge(kernels: Box<dyn Kernels>, tile: Option<usize>) -> (Vec<Frame>, Vec<String>) {
        let (runtime, model) = (Runtime::load(None).unwrap(), Model::find("nano-x2").unwrap());
        let options = UpscalerOptions {
            model: &model,
            execution: Execution::CPU,
            threads: 1,
            size: (150, 90),
            tile,
            dither: false,
            reuse: false,
        };
        let mut upscaler = Upscaler::new(&runtime, &options, kernels, BufferPool::new()).unwrap();
        let made = (0..5).map(|time| upscaler.process(&frame(time)).unwrap()).collect();
        (made, upscaler.running().report().notes)
    }

    fn assert_same(made: &[Frame], expected: &[Frame]) {
        assert_eq!(made.len(), expected.len());
        for (made, expected) in made.iter().zip(expected) {
            let pairs = made.planes().iter().zip(expected.planes());
            assert!(pairs.into_iter().all(|(made, expected)| made.rows().eq(expected.rows())));
        }
    }

    /// What networks on CUDA do, with the processor in its place.
    #[test]
    fn turns_change_no_pixel() {
        for tile in [None, Some(64)] {
            let [Some(turning), Some(copying)] = [kernels(), kernels()] else { return };
            take_turns_as(Mode::Semaphore);
            let (made, notes) = enlarge(Box::new(turning), tile);
            assert_eq!(notes, ["tensors: shared with the network in host memory, ordered by semaphores"]);
            let (expected, _) = enlarge(Box::new(copying.without_sharing()), tile);
            assert_same(&made, &expected);
        }
    }

    #[test]
    fn kernels_and_networks_that_cannot_take_turns_finish_each() {
        let [Some(turning), Some(copying)] = [kernels(), kernels()] else { return };
        take_turns_as(Mode::Broken);
        let (made, notes) = enlarge(Box::new(turning), Some(64));
        let [note] = notes.as_slice() else { panic!("{notes:?}") };
        assert!(
            note.starts_with("tensors: shared with the network in host memory (nothing better: "),
            "{note}"
        );
        assert!(note.contains("its stream is broken"), "{note}");
        let (expected, _) = enlarge(Box::new(copying.without_sharing()), Some(64));
        assert_same(&made, &expected);
    }
}
