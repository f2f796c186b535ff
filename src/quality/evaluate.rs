//! The evaluation of super-resolution.

use super::camera::Camera;
use super::config::EvalConfig;
use super::degrade::{Degradation, PairReader};
use super::enlarge::{Enlarger, Method};
use super::metrics::{Scorer, Scores};
use super::reference::{self, Item, ReferenceReader, items};
use super::report::{ItemScores, MethodInfo, Report, Row, SampleSet, Table};
use super::resize::Interpolation;
use super::sample::{Sample, cut_out, most_detailed};
use super::{timing, workers};
use crate::cleanup::{self, Guard};
use crate::error::{Error, MediaError};
use crate::frame::Frame;
use crate::kernel::{self, KernelChoice, Kernels};
use crate::media::Interrupt;
use crate::model::Model;
use std::path::PathBuf;

/// The rows that every table has.
const BASELINES: [Interpolation; 4] =
    [Interpolation::Nearest, Interpolation::Bilinear, Interpolation::Bicubic, Interpolation::Lanczos];
/// The frame of a clip that is cut out; the last one of shorter clips. The first one is an exception to an encoder.
const SAMPLE_FRAME: usize = 10;

/// How far an evaluation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvalProgress {
    /// What is being done: `timing`, `recording` or `comparing`.
    pub phase: &'static str,
    /// Jobs done of this phase.
    pub done: usize,
    /// Jobs of this phase.
    pub count: usize,
}

/// Makes the reference small by every degradation, enlarges it by every method, and compares.
///
/// Pictures and clips are compared on several threads at once. `observer` is told after every job.
///
/// # Errors
/// [`Error::Config`] for settings out of range, [`Error::Media`] if the reference cannot be read or is interrupted,
/// [`Error::Model`] if a model cannot be used.
pub fn evaluate(
    config: &EvalConfig,
    interrupt: &Interrupt,
    observer: &(dyn Fn(EvalProgress) + Sync),
) -> Result<Report, Error> {
    config.validate()?;
    let items = items(&config.reference, config.content)?;
    let baselines = BASELINES.iter().map(|interpolation| Method::Interpolation(*interpolation));
    let methods: Vec<Method> = baselines.chain(config.models.iter().cloned().map(Method::Model)).collect();
    let infos = method_infos(config, &methods, interrupt, observer)?;
    let folder = Recordings::create(config)?;
    record(config, &items, &folder, interrupt, observer)?;
    let evaluation = Evaluation { config, items: &items, methods: &methods, folder: &folder, interrupt };
    let tables = evaluation.tables(&infos, observer)?;
    Ok(Report {
        version: env!("CARGO_PKG_VERSION"),
        task: "sr",
        reference: config.reference.clone(),
        scale: config.scale,
        border: config.border(),
        processor: processor(),
        notes: notes(config, &infos, &tables),
        methods: infos,
        tables,
    })
}

fn method_infos(
    config: &EvalConfig,
    methods: &[Method],
    interrupt: &Interrupt,
    observer: &(dyn Fn(EvalProgress) + Sync),
) -> Result<Vec<MethodInfo>, Error> {
    let count = config.models.len();
    let mut infos = Vec::with_capacity(methods.len());
    for method in methods {
        let Method::Model(model) = method else {
            infos.push(MethodInfo {
                name: method.name(),
                kind: "interpolation",
                scale: None,
                parameters: None,
                gflop_per_megapixel: None,
                licence: None,
                time: None,
            });
            continue;
        };
        if interrupt.is_triggered() {
            return Err(MediaError::Interrupted.into());
        }
        let manifest = Model::open(model, config.processing.runtime_library.as_deref())?.manifest;
        // Alone, so that the comparisons do not disturb it.
        let time = config.timing.map(|size| {
            observer(EvalProgress { phase: "timing", done: infos.len() - BASELINES.len(), count });
            timing::measure(model, config.scale, size, config.threads(), &config.processing)
        });
        infos.push(MethodInfo {
            name: manifest.name,
            kind: "model",
            scale: Some(manifest.scale),
            parameters: manifest.parameters,
            gflop_per_megapixel: manifest.gflop_per_megapixel,
            licence: Some(manifest.licence),
            time: time.transpose()?,
        });
    }
    Ok(infos)
}

/// Where the recordings of the camera degradations are, in a folder of their own that goes with this.
struct Recordings {
    /// `None` where nothing is recorded.
    folder: Option<(tempfile::TempDir, Guard)>,
}

impl Recordings {
    fn create(config: &EvalConfig) -> Result<Self, Error> {
        if !config.degradations.iter().any(|degradation| matches!(degradation, Degradation::Camera { .. })) {
            return Ok(Self { folder: None });
        }
        let folder = tempfile::Builder::new().prefix("framecast-eval-").tempdir();
        let folder = folder.map_err(|error| MediaError::Output {
            output: std::env::temp_dir().display().to_string(),
            problem: format!("no folder for recordings can be made: {error}"),
            remedy: "set TMPDIR to a folder of your own".into(),
        })?;
        // Destructors do not run when the process is abandoned.
        let guard = cleanup::register(folder.path());
        Ok(Self { folder: Some((folder, guard)) })
    }

    /// The recording of an item under a degradation; `None` if that records nothing.
    fn path(&self, degradation: &Degradation, table: usize, item: usize) -> Option<PathBuf> {
        let (folder, _) = self.folder.as_ref()?;
        match degradation {
            Degradation::Camera { .. } => Some(folder.path().join(format!("{table}-{item}.mkv"))),
            Degradation::Bicubic => None,
        }
    }
}

/// Makes the recordings.
fn record(
    config: &EvalConfig,
    items: &[Item],
    recordings: &Recordings,
    interrupt: &Interrupt,
    observer: &(dyn Fn(EvalProgress) + Sync),
) -> Result<(), Error> {
    let tables = config.degradations.iter().enumerate();
    let jobs: Vec<_> = tables
        .flat_map(|(table, degradation)| {
            items.iter().enumerate().map(move |(i, item)| (table, degradation, i, item))
        })
        .filter_map(|(table, degradation, index, item)| match *degradation {
            Degradation::Camera { crf, blur } => {
                let camera = Camera { blur, crf, scale: config.scale };
                Some((recordings.path(degradation, table, index)?, camera, degradation, item))
            }
            Degradation::Bicubic => None,
        })
        .collect();
    let count = jobs.len();
    let done = |done| observer(EvalProgress { phase: "recording", done, count });
    workers::run(count, config.threads(), interrupt, &done, |number| {
        let Some((path, camera, degradation, item)) = jobs.get(number) else { return Ok(()) };
        camera.record(open_reference(config, degradation, item, interrupt)?, path, interrupt)
    })?;
    Ok(())
}

fn open_reference(
    config: &EvalConfig,
    degradation: &Degradation,
    item: &Item,
    interrupt: &Interrupt,
) -> Result<ReferenceReader, Error> {
    let multiple = degradation.multiple(config.scale);
    let eight_bit = degradation.is_eight_bit() || !item.is_clip;
    ReferenceReader::open(&item.location, multiple, eight_bit, config.limit, interrupt.clone())
}

/// What all comparisons share.
struct Evaluation<'a> {
    config: &'a EvalConfig,
    items: &'a [Item],
    methods: &'a [Method],
    folder: &'a Recordings,
    interrupt: &'a Interrupt,
}

/// The scores of one method on one item under one degradation.
struct Compared {
    scores: ItemScores,
    /// The reference's cut-out and the output's.
    samples: Option<(Sample, Sample)>,
}

impl Evaluation<'_> {
    fn tables(
        &self,
        infos: &[MethodInfo],
        observer: &(dyn Fn(EvalProgress) + Sync),
    ) -> Result<Vec<Table>, Error> {
        let (items, methods) = (self.items.len(), self.methods.len());
        let count = self.config.degradations.len() * methods * items;
        let done = |done| observer(EvalProgress { phase: "comparing", done, count });
        let results = workers::run(count, self.config.threads(), self.interrupt, &done, |number| {
            self.compare(number / (methods * items), number / items % methods, number % items)
        })?;
        let mut results = results.into_iter();
        let mut tables = Vec::new();
        for degradation in &self.config.degradations {
            let names: Vec<&Item> = self.items.iter().take(self.config.samples).collect();
            let mut samples: Vec<SampleSet> = names
                .iter()
                .map(|item| SampleSet { item: item.name.clone(), versions: Vec::new() })
                .collect();
            let mut rows = Vec::new();
            for info in infos {
                let compared: Vec<Compared> = results.by_ref().take(items).collect();
                rows.push(row(&info.name, compared, &mut samples));
            }
            tables.push(Table {
                degradation: degradation.name(),
                description: degradation.description(self.config.scale),
                rows,
                samples,
            });
        }
        Ok(tables)
    }

    fn compare(&self, table: usize, method: usize, item: usize) -> Result<Compared, Error> {
        let wants_sample = item < self.config.samples;
        let (Some(degradation), Some(method), Some(found)) =
            (self.config.degradations.get(table), self.methods.get(method), self.items.get(item))
        else {
            let message = "a comparison has no method".into();
            return Err(Error::Panic { stage: "quality".into(), message });
        };
        let recording = self.folder.path(degradation, table, item);
        let item = found;
        let large = open_reference(self.config, degradation, item, self.interrupt)?;
        let (scale, interrupt) = (self.config.scale, self.interrupt.clone());
        let mut pairs = PairReader::new(large, recording.as_deref(), scale, &item.location, interrupt)?;
        let mut scorer = Scorer::new(self.config.border(), kernel::create(KernelChoice::Cpu)?);
        let mut kernels = kernel::create(KernelChoice::Cpu)?;
        let (mut enlarger, mut frames, mut samples) = (None, Vec::new(), None);
        while let Some((large, small)) = pairs.next()? {
            if self.interrupt.is_triggered() {
                return Err(MediaError::Interrupted.into());
            }
            if enlarger.is_none() {
                enlarger = Some(Enlarger::new(method, scale, &small.info, &self.config.processing)?);
            }
            let Some(enlarger) = &mut enlarger else { continue };
            let output = enlarger.enlarge(small)?;
            if wants_sample && frames.len() <= SAMPLE_FRAME {
                samples = Some(cut_outs(&large, &output, kernels.as_mut())?);
            }
            frames.push(scorer.score(&large, &output)?);
        }
        if frames.is_empty() {
            let problem = "it has no frame".into();
            return Err(reference::wrong(&item.location, problem, "leave it out").into());
        }
        let scores = ItemScores { name: item.name.clone(), mean: Scores::mean(&frames), frames };
        Ok(Compared { scores, samples })
    }
}

fn cut_outs(large: &Frame, output: &Frame, kernels: &mut dyn Kernels) -> Result<(Sample, Sample), Error> {
    let region = most_detailed(large);
    Ok((cut_out(large, region, kernels)?, cut_out(output, region, kernels)?))
}

fn row(method: &str, compared: Vec<Compared>, sets: &mut [SampleSet]) -> Row {
    let mut items = Vec::with_capacity(compared.len());
    let mut sets = sets.iter_mut();
    for Compared { scores, samples } in compared {
        items.push(scores);
        let (Some((reference, output)), Some(set)) = (samples, sets.next()) else { continue };
        if set.versions.is_empty() {
            set.versions.push(("reference".into(), reference));
        }
        set.versions.push((method.into(), output));
    }
    Row { method: method.into(), mean: Scores::mean(items.iter().map(|item| &item.mean)), items }
}

fn notes(config: &EvalConfig, infos: &[MethodInfo], tables: &[Table]) -> Vec<String> {
    let mut notes = Vec::new();
    for info in infos {
        if let Some(scale) = info.scale.filter(|scale| *scale != config.scale as usize) {
            notes.push(format!(
                "{} enlarges by {scale}; its picture was resampled to x{}",
                info.name, config.scale
            ));
        }
    }
    // Every table has the same items.
    let items = || tables.iter().take(1).flat_map(|table| table.rows.first()).flat_map(|row| &row.items);
    let without = |score: fn(&Scores) -> Option<f64>| {
        let items = items().filter(|item| score(&item.mean).is_none());
        items.map(|item| item.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    for (what, names) in [
        ("MS-SSIM needs 176 pixels along each side", without(|scores| scores.ms_ssim_y)),
        ("SSIMULACRA2 needs 8 pixels along each side and knows no HDR", without(|scores| scores.ssimulacra2)),
    ] {
        if !names.is_empty() {
            notes.push(format!("{what} and leaves out {names}"));
        }
    }
    notes
}

/// The processor's name as Linux tells it.
fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("model name"));
    line.and_then(|line| line.split_once(':')).map_or(String::new(), |(_, name)| name.trim().to_owned())
}
