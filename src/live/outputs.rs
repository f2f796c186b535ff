//! Every output on a thread of its own, behind a queue that never makes anybody wait.

use super::{Output, OutputCount, Shown, StatisticsBoard};
use crate::error::{Error, MediaError};
use crate::media::CopyPacket;
use crate::pipeline::{guarded, spawn};
use crate::stage::Captions;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Pictures that wait for an output. One more lets it be late once without a loss.
const PICTURES: usize = 3;
/// Everything that waits. Packets of sound are many and small.
const QUEUE: usize = 256;
/// Losses are told at most so often; those in between are counted.
const TOLD_EVERY: Duration = Duration::from_secs(1);

enum Item {
    Picture(Box<Shown>),
    Packet(CopyPacket),
}

/// One output.
struct Queue {
    name: String,
    items: Sender<Item>,
    /// Pictures in the queue.
    pictures: Arc<AtomicUsize>,
    losses: Losses,
    /// Of pictures that it missed, for the next one.
    captions: Captions,
    thread: JoinHandle<Result<(), Error>>,
}

/// Packets that an output had no room for.
#[derive(Debug, Default)]
struct Losses {
    told: Option<Duration>,
    untold: u64,
}

/// All outputs.
pub(super) struct OutputQueues {
    queues: Vec<Queue>,
    statistics: Arc<StatisticsBoard>,
}

impl OutputQueues {
    /// Starts a thread for each output.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub(super) fn start(
        outputs: Vec<Box<dyn Output>>,
        statistics: &Arc<StatisticsBoard>,
    ) -> Result<Self, Error> {
        let names = outputs.iter().map(|output| OutputCount { name: output.name(), ..Default::default() });
        let names: Vec<OutputCount> = names.collect();
        statistics.update(|now| now.outputs = names);
        let mut queues = Vec::new();
        for (index, output) in outputs.into_iter().enumerate() {
            let (name, (items, waiting)) = (output.name(), bounded(QUEUE));
            let pictures = Arc::<AtomicUsize>::default();
            let (waits, board) = (pictures.clone(), statistics.clone());
            let thread = spawn("output", move || feed(output, index, &waiting, &waits, &board))?;
            let (losses, captions) = (Losses::default(), Captions::default());
            queues.push(Queue { name, items, pictures, losses, captions, thread });
        }
        Ok(Self { queues, statistics: statistics.clone() })
    }

    /// Shows a picture on all outputs that have room.
    pub(super) fn show(&mut self, shown: &Shown) {
        for (index, queue) in self.queues.iter_mut().enumerate() {
            if !queue.show(shown) {
                dropped(&self.statistics, index);
            }
        }
    }

    /// Passes a packet to all outputs, at `now` on the run's clock.
    pub(super) fn packet(&mut self, packet: &CopyPacket, now: Duration) {
        for (index, queue) in self.queues.iter_mut().enumerate() {
            if queue.send(Item::Packet(packet.clone())).is_some() {
                continue;
            }
            self.statistics.update(|statistics| {
                if let Some(count) = statistics.outputs.get_mut(index) {
                    count.packets_dropped += 1;
                }
            });
            if let Some(lost) = queue.losses.add(now) {
                tracing::warn!("{}: {}", queue.name, too_slow(lost));
            }
        }
    }

    /// True while one of them still works.
    pub(super) fn is_alive(&self) -> bool {
        self.queues.iter().any(|queue| !queue.thread.is_finished())
    }

    /// Lets all of them finish; gives the first failure.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        self.end()
    }

    fn end(&mut self) -> Result<(), Error> {
        let mut threads = Vec::new();
        for Queue { name, items, losses, thread, .. } in self.queues.drain(..) {
            if losses.untold > 0 {
                tracing::warn!("{name}: {}", too_slow(losses.untold));
            }
            drop(items);
            threads.push(thread);
        }
        let mut result = Ok(());
        for thread in threads {
            let lost = || Error::Panic { stage: "output".into(), message: "the thread ended".into() };
            let ended = thread.join().unwrap_or_else(|_| Err(lost()));
            result = result.and(ended);
        }
        result
    }
}

fn dropped(statistics: &StatisticsBoard, index: usize) {
    statistics.update(|now| {
        if let Some(count) = now.outputs.get_mut(index).filter(|count| count.failure.is_none()) {
            count.dropped += 1;
        }
    });
}

/// Where something else has failed, what was recorded is completed too.
impl Drop for OutputQueues {
    fn drop(&mut self) {
        // The other failure is told.
        let _ = self.end();
    }
}

impl Losses {
    /// One more. Gives how many there were since they were last told, if that is long enough ago.
    fn add(&mut self, now: Duration) -> Option<u64> {
        self.untold += 1;
        if self.told.is_some_and(|told| now < told + TOLD_EVERY) {
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

fn too_slow(lost: u64) -> String {
    let packets = if lost == 1 { "packet" } else { "packets" };
    format!("it is too slow, {lost} {packets} of sound or other streams lost")
}

impl Queue {
    /// False if there is no room.
    fn show(&mut self, shown: &Shown) -> bool {
        self.captions.take(&shown.frame.info);
        if self.pictures.load(Ordering::Acquire) >= PICTURES || self.items.is_full() {
            return false;
        }
        let mut shown = shown.clone();
        self.captions.give(&mut shown.frame.info);
        self.send(Item::Picture(Box::new(shown))).is_some()
    }

    /// `None` if there is no room. One that has failed takes everything, and nothing comes of it.
    fn send(&self, item: Item) -> Option<()> {
        let is_picture = matches!(item, Item::Picture(_));
        match self.items.try_send(item) {
            Ok(()) => {
                self.pictures.fetch_add(usize::from(is_picture), Ordering::AcqRel);
                Some(())
            }
            Err(TrySendError::Full(_)) => None,
            Err(TrySendError::Disconnected(_)) => Some(()),
        }
    }
}

/// The output's thread.
fn feed(
    mut output: Box<dyn Output>,
    index: usize,
    items: &Receiver<Item>,
    pictures: &AtomicUsize,
    statistics: &StatisticsBoard,
) -> Result<(), Error> {
    let name = output.name();
    let mut missed = 0;
    let feed_item = |item: Item| match item {
        Item::Picture(shown) => {
            // Sent before it is counted, so the count may lag behind by one.
            let _ = pictures.fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1));
            output.show(&shown)?;
            let before = std::mem::replace(&mut missed, output.missed());
            statistics.update(|now| {
                if let Some(count) = now.outputs.get_mut(index) {
                    count.shown += 1;
                    count.dropped += missed - before;
                }
            });
            Ok(())
        }
        Item::Packet(packet) => output.packet(packet),
    };
    let fed = guarded("output", || items.iter().try_for_each(feed_item));
    let ended = guarded("output", || match fed {
        Ok(()) => output.finish(),
        // Whoever read it has had enough.
        Err(Error::Media(MediaError::ClosedPipe)) => Ok(()),
        // What it holds is completed; that it failed counts more than how this goes.
        Err(error) => output.finish().and(Err(error)),
    });
    if let Err(error) = &ended {
        let error = error.to_string();
        let about = if error.starts_with(&name) { String::new() } else { format!("{name}: ") };
        tracing::error!("{about}{error}");
        statistics.update(|now| {
            if let Some(count) = now.outputs.get_mut(index) {
                count.failure = Some(error);
            }
        });
    }
    ended
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Frame, FrameInfo, PixelFormat};
    use crate::live::ShownContent;
    use std::sync::atomic::AtomicBool;

    /// Takes a while to finish.
    struct Slow(Arc<AtomicBool>);

    impl Output for Slow {
        fn name(&self) -> String {
            "slow".to_owned()
        }

        fn show(&mut self, _: &Shown) -> Result<(), Error> {
            Ok(())
        }

        fn finish(self: Box<Self>) -> Result<(), Error> {
            std::thread::sleep(Duration::from_millis(50));
            self.0.store(true, Ordering::Release);
            Ok(())
        }
    }

    #[test]
    fn outputs_are_finished_wherever_the_run_ends() {
        let is_finished = Arc::<AtomicBool>::default();
        drop(OutputQueues::start(vec![Box::new(Slow(is_finished.clone()))], &Arc::default()).unwrap());
        assert!(is_finished.load(Ordering::Acquire));
    }

    /// Panics where it should show something.
    struct Broken;

    impl Output for Broken {
        fn name(&self) -> String {
            "broken".to_owned()
        }

        fn show(&mut self, _: &Shown) -> Result<(), Error> {
            panic!("of the output")
        }
    }

    #[test]
    fn an_output_that_panics_is_told_as_one_that_fails() {
        let statistics = Arc::<StatisticsBoard>::default();
        let mut queues = OutputQueues::start(vec![Box::new(Broken)], &statistics).unwrap();
        queues.show(&shown());
        let error = queues.finish().unwrap_err().to_string();
        assert!(error.contains("the output stage panicked: of the output"), "{error}");
        let failure = statistics.read().outputs[0].failure.clone().unwrap();
        assert!(failure.contains("of the output"), "{failure}");
    }

    fn shown() -> Shown {
        let info = FrameInfo { duration: 1, ..FrameInfo::new(2, 2, PixelFormat::YUV420P) };
        let frame = Frame::allocate(info, None);
        let (content, time) = (ShownContent::Real, Duration::ZERO);
        Shown { source: frame.clone(), frame, content, captured: time, handed_over: time }
    }

    #[test]
    fn losses_are_told_once_a_second_with_their_number() {
        let mut losses = Losses::default();
        // 50 a second from 10 s to 12.5 s.
        let told: Vec<_> =
            (500..625u64).filter_map(|k| Some((k, losses.add(Duration::from_millis(20 * k))?))).collect();
        assert_eq!(told, [(500, 1), (550, 50), (600, 50)]);
        assert_eq!(losses.untold, 24, "for the end");
    }
}
