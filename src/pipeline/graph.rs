//! The only file that knows the order: source → upscale → compose → sink, and the packets that go round.

use super::chain::{Chain, Ends, Event};
use super::clock::{Clock, SystemClock};
use super::plan::Plan;
use super::process::ProcessUsage;
use super::progress::{ProgressMeter, rate, real_time_factor};
use super::stage::{Meter, bottleneck, guarded, spawn};
use super::stats::{Progress, StageTime, Summary};
use super::workload::Workload;
use crate::config::RunConfig;
use crate::error::{Error, MediaError};
use crate::frame::{BufferPool, Frame};
use crate::kernel;
use crate::media::{
    CopyPacket, InputDescription, Interrupt, OutputOptions, Sink, SinkReport, Source, SourceItem,
    SourceReport,
};
use crate::stage::{Geometry, Handover};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, never, select};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Called a few times per second with what has been done so far, on the thread that called [`run`]. The run goes on meanwhile.
pub type Observer = Box<dyn FnMut(&Progress) + Send>;

/// Packets of other streams that wait for the sink. They are small, and a burst of audio must not stop the decoder.
const PACKETS: usize = 64;

/// Time between two progress reports.
const REPORT_EVERY: Duration = Duration::from_millis(250);

/// What the decode thread leaves behind.
struct Decoded {
    report: SourceReport,
    interrupted: bool,
}

/// Runs `config` to its end. Blocks until the output is complete or the run has failed.
///
/// `interrupt` ends the run early with a playable output, see [`Summary::interrupted`]; the run never triggers it.
///
/// # Errors
/// What failed first. The output is removed then, but for that of a recording.
///
/// # Panics
/// If `observer` does: the run is ended early as by `interrupt`, and the panic goes on when all of its threads have ended.
pub fn run(config: &RunConfig, interrupt: Interrupt, mut observer: Observer) -> Result<Summary, Error> {
    config.processing.validate()?;
    // The caller's may be that of other runs too.
    let interrupt = interrupt.child();
    let mut processing = config.processing.clone();
    let decodes_on_device = config.input_options.may_decode_on_device();
    let encodes_on_device = config.output_options.may_encode_on_device();
    processing.execution.without_graphs |= decodes_on_device || encodes_on_device;
    let usage = ProcessUsage::now();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let pool = BufferPool::new();
    let mut source = Source::open(&config.input, &config.input_options, interrupt.clone(), pool.clone())?;
    let mut description = InputDescription::clone(&source.description());
    let video = description.video.clone();
    let mut plan = Plan::new(
        Geometry { width: video.width, height: video.height, format: video.format, color: video.color },
        video.sample_aspect_ratio,
        video.time_base,
        description.is_turned(),
        if video.frame_estimate == Some(1) { Workload::Picture } else { Workload::Stream },
        &processing,
    )?;
    let sizes = ((video.width, video.height), (plan.output.width, plan.output.height));
    description.video.color = video.color.for_size(sizes.0, sizes.1);
    let (frame_rate, time_base) = plan.timing(video.frame_rate, video.time_base);
    description.retime(frame_rate, time_base);
    description.video.variable_rate &= !plan.has_fixed_rate();
    // Whether there is such a device is not even asked where nobody could use it: that loads its driver.
    let handover =
        encodes_on_device.then(|| kernel::create(processing.kernels)).transpose()?.map(Handover::new);
    let output_options = OutputOptions {
        frames_at: handover.as_ref().and_then(Handover::device),
        ..config.output_options.clone()
    };
    let sink = Sink::open(
        &config.output,
        &output_options,
        &description,
        plan.output.width,
        plan.output.height,
        video.sample_aspect_ratio,
        // Not the user's, which ends the reading: what was read is still written.
        Interrupt::default(),
    )?;
    let delivered = sink.delivered().clone();
    let notes = sink.notes();
    let target = Geometry {
        width: delivered.width,
        height: delivered.height,
        format: delivered.format,
        color: delivered.color,
    };
    let mut stages = plan.stages(&processing, target, delivered.sample_aspect_ratio, &pool, clock.clone())?;
    let kernels = plan.kernels.clone();
    if sink.surface().is_some() {
        stages.keep_on_device();
    }
    if decodes_on_device && let Some(place) = stages.composer.device() {
        source.keep_on_device(place);
    }
    let mut chain = Chain::start(stages)?;
    let Some(Ends { input, output }) = chain.ends() else { return Err(lost("chain")) };

    let decode_meter = Meter::new("decode", 1, clock.clone());
    let encode_meter = Meter::new("encode", 1, clock.clone());
    let (packets, packets_waiting) = bounded(PACKETS);
    let frames = Arc::new(AtomicU64::new(0));
    let decode = {
        let (meter, interrupt) = (decode_meter.clone(), interrupt.clone());
        spawn("decode", move || decode(source, &input, &packets, &interrupt, &meter))?
    };
    let (closing, closed) = bounded::<()>(0);
    let encode = {
        let (meter, written) = (encode_meter.clone(), frames.clone());
        spawn("encode", move || {
            let _closing = closing;
            guarded("encode", || encode((sink, handover), &output, &packets_waiting, &written, &meter))
        })?
    };

    let mut meters = vec![decode_meter];
    meters.extend(chain.meters());
    meters.push(encode_meter);
    let times = || -> Vec<StageTime> { meters.iter().map(|meter| meter.time()).collect() };
    let rate_of_media = frame_rate.to_f64();
    let more = if video.frame_rate.is_positive() { rate_of_media / video.frame_rate.to_f64() } else { 1.0 };
    let estimate = video.frame_estimate.map(|frames| (frames as f64 * more).round() as u64);
    let mut progress = ProgressMeter::new(estimate, rate_of_media);
    let mut panicked = None;
    while closed.recv_timeout(REPORT_EVERY) == Err(RecvTimeoutError::Timeout) {
        if panicked.is_none() {
            let now = progress.update(clock.now(), frames.load(Ordering::Relaxed), bottleneck(&times()));
            panicked = catch_unwind(AssertUnwindSafe(|| observer(&now))).err();
            panicked.iter().for_each(|_| interrupt.trigger());
        }
    }
    let encoded = encode.join().unwrap_or_else(|_| Err(lost("encode")));
    // A source that still waits for its network is of no use any more.
    interrupt_if_failed(&encoded, &interrupt);
    // Frees the channels, so that every thread that still waits on one ends.
    chain.close();
    let network_time = chain.network_time();
    let decoded = decode.join().map_err(|_| lost("decode"))?;
    if let Some(panic) = panicked {
        resume_unwind(panic);
    }
    let sink_report = encoded?;

    let elapsed = clock.now();
    let count = frames.load(Ordering::Relaxed);
    observer(&progress.update(elapsed, count, bottleneck(&times())));
    let stages = times();
    let frames_per_second = rate(count, elapsed);
    Ok(Summary {
        source: decoded.report,
        sink: sink_report,
        input_size: (video.width, video.height),
        output_size: (delivered.width, delivered.height),
        elapsed,
        frames_per_second,
        real_time_factor: real_time_factor(frames_per_second, rate_of_media),
        model: plan.model_name(),
        provider: plan.running.text(),
        networks: plan.running.reports(),
        kernels,
        bottleneck: bottleneck(&stages),
        stages,
        network_time,
        reused: chain.reuse_count().share(),
        rate: chain.rate_count(),
        processor_time: usage.processor_time_since(),
        peak_memory: usage.peak_memory(),
        notes: notes.into_iter().chain(plan.running.notes()).collect(),
        interrupted: decoded.interrupted,
    })
}

fn lost(stage: &str) -> Error {
    Error::Panic { stage: stage.into(), message: "the thread ended without a result".into() }
}

fn interrupt_if_failed(encoded: &Result<SinkReport, Error>, interrupt: &Interrupt) {
    if encoded.is_err() {
        interrupt.trigger();
    }
}

/// Reads the source to its end. Its last word is always a value: the end, or the failure.
fn decode(
    mut source: Source,
    frames: &Sender<Event>,
    packets: &Sender<CopyPacket>,
    interrupt: &Interrupt,
    meter: &Meter,
) -> Decoded {
    let outcome = guarded("decode", || read_all(&mut source, frames, packets, interrupt, meter));
    let (last, interrupted) = match outcome {
        Ok(interrupted) => (Event::End, interrupted),
        Err(Error::Media(MediaError::Interrupted)) => (Event::End, true),
        Err(error) => (Event::Failed(error), false),
    };
    // Fails only if the chain is gone, which then has its own reason.
    let _ = frames.send(last);
    Decoded { report: source.report(), interrupted }
}

/// True if the user ended the reading early.
fn read_all(
    source: &mut Source,
    frames: &Sender<Event>,
    packets: &Sender<CopyPacket>,
    interrupt: &Interrupt,
    meter: &Meter,
) -> Result<bool, Error> {
    while !interrupt.is_triggered() {
        let sent = match meter.busy(|| source.next())? {
            SourceItem::Frame(frame) => meter.blocked(|| frames.send(Event::Item(frame))).is_ok(),
            SourceItem::Packet(packet) => meter.blocked(|| packets.send(packet)).is_ok(),
            SourceItem::End => return Ok(false),
        };
        if !sent {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Writes frames and packets as they come, until the frames have ended and no packet is left.
fn encode(
    (mut sink, mut handover): (Sink, Option<Handover>),
    frames: &Receiver<Event>,
    packets: &Receiver<CopyPacket>,
    written: &AtomicU64,
    meter: &Meter,
) -> Result<SinkReport, Error> {
    let mut frames = frames.clone();
    let mut packets = packets.clone();
    let (mut frames_open, mut packets_open) = (true, true);
    while frames_open || packets_open {
        let item = meter.starved(|| {
            select! {
                recv(frames) -> event => Ok(event),
                recv(packets) -> packet => Err(packet),
            }
        });
        match item {
            Ok(Ok(Event::Item(frame))) => {
                meter.busy(|| {
                    let frame = handed_over(frame, handover.as_mut(), &sink);
                    sink.write_frame(&frame)
                })?;
                written.fetch_add(1, Ordering::Relaxed);
            }
            Ok(Ok(Event::Failed(error))) => return Err(error),
            Ok(Ok(Event::End) | Err(_)) => {
                frames_open = false;
                frames = never();
            }
            Err(Ok(packet)) => meter.busy(|| sink.write_packet(packet))?,
            Err(Err(_)) => {
                packets_open = false;
                packets = never();
            }
        }
    }
    Ok(meter.busy(|| sink.finish())?)
}

/// The frame as the sink's encoder takes it.
fn handed_over(frame: Frame, handover: Option<&mut Handover>, sink: &Sink) -> Frame {
    match handover.zip(sink.surface()) {
        Some((handover, surface)) => handover.process(frame, surface),
        None => frame,
    }
}
