//! The chain of stages with an in-memory source and sink, on a clock that the test sets: order, failures, accounts.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use framecast::error::{Error, KernelError};
use framecast::frame::{
    BufferPool, Color, Frame, FrameInfo, PixelFormat, Plane, Rational, Tensor, TensorView,
};
use framecast::kernel::cpu::CpuKernels;
use framecast::kernel::{
    Composition, Kernels, Region, ResamplePlan, Steadiness, TensorSpec, TilePlace, UnpackSpec,
};
use framecast::model::{Execution, Model, Runtime};
use framecast::pipeline::{Chain, ChainOptions, Clock, Event};
use framecast::stage::{Composer, Geometry, Upscaler, UpscalerOptions};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A clock that a test moves.
#[derive(Default)]
struct ManualClock(AtomicU64);

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// What goes wrong in the kernels, and at which call of `pack`.
#[derive(Clone, Copy)]
enum Fault {
    None,
    Error(u64),
    Panic(u64),
}

/// The CPU kernels; every `pack` takes 10 ms of the manual clock, and one may go wrong.
struct Scripted {
    inner: CpuKernels,
    clock: Arc<ManualClock>,
    calls: Arc<AtomicU64>,
    fault: Fault,
}

impl Kernels for Scripted {
    fn name(&self) -> String {
        "scripted".into()
    }

    fn compose(&mut self, composition: &Composition<'_>, out: &mut Frame) -> Result<(), KernelError> {
        self.inner.compose(composition, out)
    }

    fn pack(
        &mut self,
        frame: &Frame,
        region: Region,
        spec: &TensorSpec,
        out: &mut Tensor,
    ) -> Result<(), KernelError> {
        self.clock.0.fetch_add(10, Ordering::SeqCst);
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        match self.fault {
            Fault::Error(at) if at == call => {
                Err(KernelError::Device { backend: "scripted", reason: "no more light".into() })
            }
            Fault::Panic(at) if at == call => panic!("a scripted panic"),
            _ => self.inner.pack(frame, region, spec, out),
        }
    }

    fn unpack(
        &mut self,
        tensor: TensorView<'_>,
        spec: &UnpackSpec,
        source: &Frame,
        out: &mut Frame,
    ) -> Result<(), KernelError> {
        self.inner.unpack(tensor, spec, source, out)
    }

    fn blend_tile(
        &mut self,
        tile: TensorView<'_>,
        place: &TilePlace,
        canvas: &mut Tensor,
    ) -> Result<(), KernelError> {
        self.inner.blend_tile(tile, place, canvas)
    }

    fn steady(
        &mut self,
        luma: &Tensor,
        before: &Tensor,
        steadiness: &Steadiness,
        kept: &Tensor,
        values: &mut Tensor,
    ) -> Result<(), KernelError> {
        self.inner.steady(luma, before, steadiness, kept, values)
    }

    fn apply_curves(&mut self, maps: &Tensor, picture: &mut Tensor) -> Result<(), KernelError> {
        self.inner.apply_curves(maps, picture)
    }

    fn mix(&mut self, from: &Plane, share: f32, into: &mut Plane) -> Result<(), KernelError> {
        self.inner.mix(from, share, into)
    }

    fn resample(&mut self, plan: &ResamplePlan, source: &Plane, out: &mut Plane) -> Result<(), KernelError> {
        self.inner.resample(plan, source, out)
    }
}

const SOURCE: Geometry = Geometry { width: 32, height: 16, format: PixelFormat::YUV420P, color: UNTAGGED };
const UNTAGGED: Color = Color {
    matrix: framecast::frame::Matrix::Unspecified,
    range: framecast::frame::Range::Limited,
    range_tagged: false,
    siting: framecast::frame::Siting::Unspecified,
    matrix_code: 2,
    primaries_code: 2,
    transfer_code: 2,
};

fn frame(pts: i64) -> Frame {
    let info = FrameInfo {
        color: SOURCE.color,
        pts,
        duration: 1,
        ..FrameInfo::new(SOURCE.width, SOURCE.height, SOURCE.format)
    };
    let mut frame = Frame::allocate(info, None);
    for plane in frame.planes_mut() {
        plane.buffer.bytes_mut().fill(90);
    }
    frame
}

fn start(workers: usize, fault: Fault, clock: &Arc<ManualClock>) -> Chain {
    let model = Model::find("live-x2").unwrap();
    let runtime = Runtime::load(None).unwrap();
    let calls = Arc::new(AtomicU64::new(0));
    let kernels =
        || Box::new(Scripted { inner: CpuKernels::new(), clock: clock.clone(), calls: calls.clone(), fault });
    let pool = BufferPool::new();
    let options = UpscalerOptions {
        model: &model,
        execution: Execution::CPU,
        threads: 1,
        size: (SOURCE.width, SOURCE.height),
        tile: None,
        dither: false,
        reuse: false,
    };
    let upscalers = (0..workers)
        .map(|_| Upscaler::new(&runtime, &options, kernels(), pool.clone()).unwrap().into())
        .collect();
    let large = |format| Geometry { width: SOURCE.width * 2, height: SOURCE.height * 2, format, ..SOURCE };
    let composer = Composer::new(
        SOURCE,
        Some(large(PixelFormat::gray(8))),
        large(SOURCE.format),
        Rational::new(1, 1),
        false,
        kernels(),
        pool,
    );
    Chain::start(ChainOptions {
        steadier: None,
        upscalers,
        composer,
        retiming: None,
        before: Vec::new(),
        after: Vec::new(),
        clock: clock.clone(),
    })
    .unwrap()
}

/// Feeds `count` frames from a thread of their own, as a decoder does, and collects what comes out.
fn feed(chain: &Chain, count: i64, last: Event) -> (Vec<i64>, Event) {
    let ends = chain.ends().unwrap().clone();
    let feeder = std::thread::spawn(move || {
        for pts in 0..count {
            if ends.input.send(Event::Item(frame(pts))).is_err() {
                return;
            }
        }
        let _ = ends.input.send(last);
    });
    let output = chain.ends().unwrap().output.clone();
    let mut stamps = Vec::new();
    let end = loop {
        match output.recv().unwrap() {
            Event::Item(frame) => stamps.push(frame.info.pts),
            end => break end,
        }
    };
    drop(output);
    // After a failure the feeder may wait for room that only closing makes.
    if matches!(end, Event::End) {
        feeder.join().unwrap();
    }
    (stamps, end)
}

#[test]
fn three_workers_keep_the_order() {
    let chain = start(3, Fault::None, &Arc::default());
    let (stamps, end) = feed(&chain, 50, Event::End);
    assert!(matches!(end, Event::End));
    assert_eq!(stamps, (0..50).collect::<Vec<_>>());
}

#[test]
fn the_accounts_follow_the_clock() {
    let clock = Arc::<ManualClock>::default();
    let chain = start(1, Fault::None, &clock);
    feed(&chain, 12, Event::End);
    let times = chain.times();
    let upscale = times.iter().find(|time| time.stage == "upscale").unwrap();
    assert_eq!((upscale.threads, upscale.busy), (1, Duration::from_millis(120)));
}

#[test]
fn a_failing_kernel_ends_the_chain_with_its_reason_after_the_frames_before() {
    let mut chain = start(1, Fault::Error(4), &Arc::default());
    let (stamps, end) = feed(&chain, 50, Event::End);
    assert_eq!(stamps, [0, 1, 2, 3]);
    let Event::Failed(error) = end else { panic!("{end:?}") };
    assert!(error.to_string().contains("no more light"), "{error}");
    chain.close();
}

#[test]
fn a_panicking_worker_ends_the_chain_with_its_message() {
    for workers in [1, 2, 3] {
        let mut chain = start(workers, Fault::Panic(7), &Arc::default());
        let (stamps, end) = feed(&chain, 50, Event::End);
        assert!(stamps.len() <= 7 + workers && stamps.windows(2).all(|pair| pair[1] == pair[0] + 1));
        let Event::Failed(Error::Panic { stage, message }) = end else { panic!("{end:?}") };
        assert_eq!((stage.as_str(), message.as_str()), ("upscale", "a scripted panic"));
        chain.close();
    }
}

#[test]
fn a_failure_of_the_source_comes_out_after_the_frames_before_it() {
    let error = Error::Thread { stage: "decode".into(), reason: "scripted".into() };
    let chain = start(2, Fault::None, &Arc::default());
    let (stamps, end) = feed(&chain, 9, Event::Failed(error));
    assert_eq!(stamps, (0..9).collect::<Vec<_>>());
    assert!(matches!(end, Event::Failed(Error::Thread { .. })));
}
