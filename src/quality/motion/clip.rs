//! All methods and protocols over one clip, which is read once; a few of its frames are held at a time.

use super::super::reference::{Item, ReferenceReader, wrong};
use super::super::{Samples, rgb};
use super::MotionEvalConfig;
use super::calibration::Calibration;
use super::judge::{Judge, Moment};
use super::method::{Method, methods};
use super::peer::Peer;
use super::protocol::{Protocol, WINDOW};
use super::report::MotionScores;
use super::worst::{Worst, WorstFrame};
use crate::error::{Error, MediaError};
use crate::frame::{Frame, MotionMode, SmallFrame};
use crate::kernel::cpu::shrink;
use crate::kernel::{self, KernelChoice, Kernels};
use crate::media::Interrupt;
use std::collections::VecDeque;
use std::sync::Arc;

/// Fewest frames of which every protocol makes one.
pub(super) const LEAST_FRAMES: usize = 5;

/// A frame of a clip. Clones share their samples.
#[derive(Clone)]
pub(super) struct ClipFrame {
    pub(super) frame: Frame,
    /// The frame as motion estimation sees it, at the sizes of all methods.
    smalls: Vec<Arc<SmallFrame>>,
    pub(super) luma: Arc<Samples>,
}

impl ClipFrame {
    /// With pictures for cells of each of `shrinks`.
    fn new(frame: Frame, shrinks: &[usize]) -> Result<Self, Error> {
        let mut smalls = Vec::with_capacity(shrinks.len());
        for factor in shrinks {
            let mut small = SmallFrame::default();
            shrink(&frame, *factor, &mut small)?;
            smalls.push(Arc::new(small));
        }
        let luma = luma(&frame);
        Ok(Self { frame, smalls, luma })
    }

    /// The picture for cells of `shrink` source pixels along a side; `None` if no method has such cells.
    pub(super) fn small(&self, shrink: usize) -> Option<&Arc<SmallFrame>> {
        self.smalls.iter().find(|small| small.shrink == shrink)
    }
}

/// Luma of a frame.
pub(super) fn luma(frame: &Frame) -> Arc<Samples> {
    Arc::new(frame.planes().first().map_or_else(Samples::empty, Samples::from_plane))
}

/// What a protocol found in a clip.
pub(super) struct ClipOutcome {
    /// Numbers of the made frames.
    pub(super) frames: Vec<usize>,
    pub(super) rows: Vec<ClipRow>,
    pub(super) worst: Vec<WorstFrame>,
}

/// What a method made of a clip.
pub(super) struct ClipRow {
    pub(super) method: String,
    pub(super) frames: Vec<MotionScores>,
    pub(super) calibration: Calibration,
}

/// Judges every method by every protocol; the outcomes are in the order of the protocols.
pub(super) fn judge_clip(
    config: &MotionEvalConfig,
    clip: &Item,
    interrupt: &Interrupt,
) -> Result<Vec<ClipOutcome>, Error> {
    let protocols = Protocol::of(config.mode);
    let mut tracks: Vec<Track> =
        protocols.into_iter().map(|protocol| Track::new(protocol, config)).collect::<Result<_, _>>()?;
    let mut shrinks: Vec<usize> = tracks.iter().flat_map(Track::shrinks).collect();
    shrinks.sort_unstable();
    shrinks.dedup();
    let mut reader = ReferenceReader::open(&clip.location, 1, true, config.limit, interrupt.clone())?;
    let mut window: VecDeque<ClipFrame> = VecDeque::new();
    let mut count = 0;
    while let Some(frame) = reader.next()? {
        if interrupt.is_triggered() {
            return Err(MediaError::Interrupted.into());
        }
        window.push_back(ClipFrame::new(frame, &shrinks)?);
        if window.len() > WINDOW {
            window.pop_front();
        }
        for track in &mut tracks {
            track.advance(count, &window)?;
        }
        count += 1;
    }
    if count < LEAST_FRAMES {
        let problem = format!("it has {count} frames");
        return Err(wrong(&clip.location, problem, "use clips of at least 5 frames").into());
    }
    tracks.into_iter().map(|track| track.finish(&clip.name)).collect()
}

/// A protocol on its way through a clip.
struct Track {
    protocol: Protocol,
    methods: Vec<(Method, Vec<(String, Judge)>)>,
    peer: Option<Peer>,
    kernels: Box<dyn Kernels>,
    /// Numbers of the made frames.
    frames: Vec<usize>,
    worst: Worst,
}

impl Track {
    fn new(protocol: Protocol, config: &MotionEvalConfig) -> Result<Self, Error> {
        let mut found = Vec::new();
        for (name, method) in methods(config)? {
            let mut judges = vec![(name.clone(), Judge::new(method.has_scale(), false)?)];
            if method.has_scale() && config.mode == MotionMode::Predict {
                judges.push((format!("{name}, gated"), Judge::new(true, true)?));
            }
            found.push((method, judges));
        }
        let watched = found.iter().rev().find_map(|(_, judges)| judges.last());
        let worst = Worst::new(watched.map(|(name, _)| name.clone()).unwrap_or_default(), config.worst);
        let peer = config.minterpolate.then(Peer::new).transpose()?;
        let kernels = kernel::create(KernelChoice::Cpu)?;
        Ok(Self { protocol, methods: found, peer, kernels, frames: Vec::new(), worst })
    }

    /// Source pixels along a side of the cells of each method that finds motion.
    fn shrinks(&self) -> impl Iterator<Item = usize> {
        self.methods.iter().filter_map(|(method, _)| method.shrink())
    }

    /// Takes frame `newest`, the last one of `window`, and makes what can be made now.
    fn advance(&mut self, newest: usize, window: &VecDeque<ClipFrame>) -> Result<(), Error> {
        let at =
            |number: usize| (number + window.len()).checked_sub(newest + 1).and_then(|at| window.get(at));
        if let (Some(peer), Some(frame)) = (&mut self.peer, at(newest))
            && self.protocol.keeps(newest)
        {
            peer.take(newest, frame)?;
        }
        let Some(roles) = self.protocol.roles(newest) else { return Ok(()) };
        let [Some(first), Some(other), Some(truth)] = [roles.first, roles.other, roles.wanted].map(at) else {
            return Ok(());
        };
        let truth_rgb = rgb::from_frame(&truth.frame, 0, self.kernels.as_mut())?;
        let after = roles.after.and_then(at);
        let moment = Moment { first, other, truth, truth_rgb: &truth_rgb, after, tau: self.protocol.tau };
        self.frames.push(roles.wanted);
        for (method, judges) in &mut self.methods {
            let (field, estimate) = method.field(first, other, moment.tau)?;
            for (name, judge) in judges {
                let made = judge.make(field.clone(), estimate.as_ref(), &moment)?;
                let psnr = judge.score(&made, &moment)?;
                self.worst.see(name, roles.wanted, psnr, truth, made);
            }
        }
        match &mut self.peer {
            Some(peer) => peer.expect(roles.wanted, &moment),
            None => Ok(()),
        }
    }

    fn finish(mut self, clip: &str) -> Result<ClipOutcome, Error> {
        let judges = self.methods.into_iter().flat_map(|(_, judges)| judges);
        let peer = self.peer.map(Peer::finish).transpose()?;
        let rows = judges.chain(peer).map(|(method, judge)| {
            let Judge { frames, calibration, .. } = judge;
            ClipRow { method, frames, calibration }
        });
        let rows = rows.collect();
        let worst = self.worst.draw(clip, self.kernels.as_mut())?;
        Ok(ClipOutcome { frames: self.frames, rows, worst })
    }
}
