//! Two existing files, frame by frame.

use super::metrics::{Scorer, Scores};
use super::reference::{ReferenceReader, wrong};
use crate::error::{ConfigError, Error};
use crate::frame::{Frame, rescale};
use crate::kernel::{self, KernelChoice};
use crate::media::Interrupt;
use serde::Serialize;

/// What is compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompareConfig {
    /// The file that is judged: a picture, a picture pattern or a video.
    pub input: String,
    /// What it should look like.
    pub reference: String,
    /// Pixels that are cut off on each side, 0 to 1000.
    pub border: usize,
    /// Frames that are compared at most; all if `None`.
    pub limit: Option<usize>,
}

/// The scores of one file against another.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// Version of framecast.
    pub version: &'static str,
    /// `metrics`.
    pub task: &'static str,
    /// The file that was judged.
    pub input: String,
    /// The reference.
    pub reference: String,
    /// Pixels cut off on each side.
    pub border: usize,
    /// Mean over the frames.
    pub mean: Scores,
    /// The frames, in order.
    pub frames: Vec<Scores>,
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// Compares two files frame by frame, in the order of their time stamps.
///
/// RGB is compared as 8-bit BT.601 luma by MATLAB's `rgb2ycbcr`; where only one side is RGB, or their ranges differ, so are both.
///
/// # Errors
/// [`Error::Media`] if a file cannot be read, or if number, size or depth of the frames differ.
pub fn compare(
    config: &CompareConfig,
    interrupt: &Interrupt,
    observer: &dyn Fn(usize),
) -> Result<Comparison, Error> {
    if config.border > 1000 {
        let (setting, expected) = ("--border".into(), "0 to 1000".into());
        return Err(ConfigError { setting, expected, found: config.border.to_string() }.into());
    }
    if config.input == "-" && config.reference == "-" {
        let problem = "standard input can be one of the two files only".into();
        return Err(wrong("-", problem, "name a file for -i or for --reference").into());
    }
    let open = |location: &str| ReferenceReader::open(location, 1, false, config.limit, interrupt.clone());
    let (mut input, mut reference) = (open(&config.input)?, open(&config.reference)?);
    let mut notes = Vec::new();
    let range = |reader: &ReferenceReader| reader.description().video.color.range;
    let ranges_differ = range(&input) != range(&reference);
    if ranges_differ && !input.is_rgb() && !reference.is_rgb() {
        notes.push("one file has limited range, the other full; both are compared as 8-bit RGB".into());
    }
    if ranges_differ || input.is_rgb() != reference.is_rgb() {
        input.convert_to_rgb();
        reference.convert_to_rgb();
    }
    let bases = (input.description().video.time_base, reference.description().video.time_base);
    let mut scorer = Scorer::new(config.border, kernel::create(KernelChoice::Cpu)?);
    let (mut frames, mut origin) = (Vec::new(), None);
    let mut is_told = false;
    loop {
        let (a, b) = match (input.next()?, reference.next()?) {
            (Some(a), Some(b)) => (a, b),
            (None, None) => break,
            (a, b) => return Err(counts_differ(config, frames.len(), a, b, &mut input, &mut reference)?),
        };
        check(config, frames.len(), &a, &b)?;
        let (first_a, first_b) = *origin.get_or_insert((a.info.pts, b.info.pts));
        let moved = rescale(a.info.pts - first_a, bases.0, bases.1) - (b.info.pts - first_b);
        // A coarse time base rounds: one tick of doubt, or half a frame.
        if moved.abs() > (b.info.duration / 2).max(1) && !is_told {
            is_told = true;
            notes.push(format!(
                "the time stamps differ from frame {} on; frames are compared in their order",
                frames.len()
            ));
        }
        frames.push(scorer.score(&b, &a)?);
        observer(frames.len());
    }
    if frames.is_empty() {
        return Err(wrong(&config.input, "it has no frame".into(), "name a file with a picture").into());
    }
    Ok(Comparison {
        version: env!("CARGO_PKG_VERSION"),
        task: "metrics",
        input: config.input.clone(),
        reference: config.reference.clone(),
        border: config.border,
        mean: Scores::mean(&frames),
        frames,
        notes,
    })
}

/// Says how many frames each side has.
fn counts_differ(
    config: &CompareConfig,
    common: usize,
    a: Option<Frame>,
    b: Option<Frame>,
    input: &mut ReferenceReader,
    reference: &mut ReferenceReader,
) -> Result<Error, Error> {
    let mut counts = (common + usize::from(a.is_some()), common + usize::from(b.is_some()));
    while input.next()?.is_some() {
        counts.0 += 1;
    }
    while reference.next()?.is_some() {
        counts.1 += 1;
    }
    let problem = format!("it has {} frames, {} has {}", counts.0, config.reference, counts.1);
    Ok(wrong(&config.input, problem, "compare files of equal length, or use --limit").into())
}

fn check(config: &CompareConfig, number: usize, a: &Frame, b: &Frame) -> Result<(), Error> {
    let tell = |frame: &Frame| {
        format!("{}x{} with {} bits", frame.info.width, frame.info.height, frame.info.format.depth)
    };
    if tell(a) == tell(b) {
        return Ok(());
    }
    let problem = format!("frame {number} is {}, that of {} is {}", tell(a), config.reference, tell(b));
    Err(wrong(&config.input, problem, "bring both to one size and depth first").into())
}
