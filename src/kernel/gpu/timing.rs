//! How long programs take on the device, by its own clock.

use std::time::{Duration, Instant};
use wgpu::{BufferUsages, Features};

/// Programs of one run that are measured; those after are not. The most there are: four planes that are composed and softened.
const PROGRAMS: usize = 12;
const STAMP: usize = size_of::<u64>();

/// Time of one run of a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelTime {
    /// The kernel.
    pub label: &'static str,
    /// From the start of its first program to the end of its last one, by the device's clock; wall time from submission
    /// to completion where the device has none.
    pub time: Duration,
    /// True if it is the device's clock.
    pub on_device: bool,
}

/// Measures one run at a time.
pub(super) struct Timer {
    stamps: Option<Stamps>,
    /// The run that is measured: its name, its programs, and when it was encoded.
    current: Option<(&'static str, usize, Instant)>,
    times: Vec<KernelTime>,
}

/// The device's clock.
struct Stamps {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    read: wgpu::Buffer,
    /// Nanoseconds of a tick.
    period: f64,
}

impl Timer {
    pub(super) fn new(device: &wgpu::Device, queue: &wgpu::Queue) -> Self {
        let size = (2 * PROGRAMS * STAMP) as u64;
        let buffer = |label, usage| {
            let descriptor =
                wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false };
            device.create_buffer(&descriptor)
        };
        let stamps = device.features().contains(Features::TIMESTAMP_QUERY).then(|| Stamps {
            queries: device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("times"),
                ty: wgpu::QueryType::Timestamp,
                count: 2 * PROGRAMS as u32,
            }),
            resolved: buffer("times", BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC),
            read: buffer("times read", BufferUsages::MAP_READ | BufferUsages::COPY_DST),
            period: f64::from(queue.get_timestamp_period()),
        });
        Self { stamps, current: None, times: Vec::new() }
    }

    /// What a pass for program `index` of a run writes.
    pub(super) fn writes(&self, index: usize) -> Option<wgpu::ComputePassTimestampWrites<'_>> {
        let stamps = self.stamps.as_ref().filter(|_| index < PROGRAMS)?;
        let start = 2 * index as u32;
        Some(wgpu::ComputePassTimestampWrites {
            query_set: &stamps.queries,
            beginning_of_pass_write_index: Some(start),
            end_of_pass_write_index: Some(start + 1),
        })
    }

    /// Ends the commands of a run.
    pub(super) fn resolve(
        &mut self,
        label: &'static str,
        programs: usize,
        encoder: &mut wgpu::CommandEncoder,
    ) {
        let programs = programs.min(PROGRAMS);
        self.current = (programs > 0).then(|| (label, programs, Instant::now()));
        let Some(stamps) = self.stamps.as_ref().filter(|_| programs > 0) else { return };
        encoder.resolve_query_set(&stamps.queries, 0..2 * programs as u32, &stamps.resolved, 0);
        encoder.copy_buffer_to_buffer(&stamps.resolved, 0, &stamps.read, 0, (2 * programs * STAMP) as u64);
    }

    /// Asks for the stamps, between submission and waiting.
    pub(super) fn request(&self) {
        if let (Some(stamps), Some(_)) = (&self.stamps, &self.current) {
            // Whether mapping succeeded is seen when they are read.
            stamps.read.map_async(wgpu::MapMode::Read, .., |_| {});
        }
    }

    /// Takes the stamps after waiting.
    pub(super) fn read(&mut self) {
        let Some((label, programs, since)) = self.current.take() else { return };
        let wall = KernelTime { label, time: since.elapsed(), on_device: false };
        let time = self.stamps.as_ref().map_or(Some(wall), |stamps| {
            let ticks = stamps.span(programs);
            stamps.read.unmap();
            let nanoseconds = ticks? as f64 * stamps.period;
            Some(KernelTime { label, time: Duration::from_nanos(nanoseconds as u64), on_device: true })
        });
        self.times.extend(time);
    }

    /// The times since the last call.
    pub(super) fn take(&mut self) -> Vec<KernelTime> {
        std::mem::take(&mut self.times)
    }
}

impl Stamps {
    /// Ticks from the first program's start to the last one's end.
    fn span(&self, programs: usize) -> Option<u64> {
        let view = self.read.get_mapped_range(..(2 * programs * STAMP) as u64).ok()?;
        let stamp = |bytes: &[u8]| bytes.try_into().ok().map(u64::from_le_bytes);
        let first = view.get(..STAMP).and_then(stamp)?;
        let last = view.get((2 * programs - 1) * STAMP..).and_then(stamp)?;
        last.checked_sub(first)
    }
}
