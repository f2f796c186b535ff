//! What `framecast eval` declares, and how it becomes an [`EvalConfig`] or a [`CompareConfig`].

use super::args::EXIT_CODES;
use super::execution_args::precisions;
use super::processing_args::KernelsArg;
use super::value;
use clap::{ArgAction, Args, ValueEnum};
use framecast::config::{Device, Execution, Precision, ProcessingOptions};
use framecast::frame::{MotionMode, MotionScale};
use framecast::quality::{CompareConfig, Content, Degradation, EvalConfig, MotionEvalConfig};
use std::path::PathBuf;

/// Models that are evaluated if none is named.
const DEFAULT_MODELS: [&str; 1] = ["live-x2-int8"];
/// Rate factors of `--degrade camera` if none is given.
const DEFAULT_CRFS: [f64; 2] = [23.0, 32.0];
/// Deviation of the blur of `--degrade camera` per unit of the scale.
const DEFAULT_BLUR: f64 = 0.4;

/// Pictures and clips of which a report shows cut-outs.
const DEFAULT_SAMPLES: usize = 4;
/// Made frames of which a report shows pictures, for each protocol.
const DEFAULT_WORST: usize = 6;

/// Measures quality: of models on a reference (`--task sr`, `predict`, `interpolate`), or of one file against another
/// (`--task metrics`).
///
/// With `--task sr` every picture and clip of the reference is made small, enlarged again by nearest, bilinear, bicubic
/// and Lanczos interpolation and by each model, and compared with what it was. PSNR, SSIM and MS-SSIM are those of
/// luma, SSIMULACRA2 that of the colour picture. Tables go to standard output.
///
/// With `--task predict` frames of clips are made of the two before them, with `interpolate` of the ones before and after,
/// by repeating, mixing, classical flow and each model, and compared with the real ones.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(super) struct EvalArgs {
    /// What is measured [default: sr; sr costs an enlargement per frame and row, metrics only the comparison]
    #[arg(long, value_enum, value_name = "TASK", default_value_t, help_heading = "Task")]
    task: TaskArg,

    /// Folder of pictures and clips, picture, picture pattern (shot-%04d.png) or video to compare with
    #[arg(long, value_name = "PATH", allow_hyphen_values = true, help_heading = "Task")]
    reference: String,

    /// The file that is judged, for --task metrics, which needs it [default: none]
    #[arg(short, long, value_name = "IN", allow_hyphen_values = true, help_heading = "Task")]
    input: Option<String>,

    /// Factor along one side: 2, 3 or 4 [default: 2; no cost]
    #[arg(long, value_name = "N", value_parser = value::count(2, 4), allow_hyphen_values = true, help_heading = "Protocol")]
    scale: Option<usize>,

    /// Model by name, or an .onnx file; may be repeated, each makes a row
    ///
    /// Default: live-x2-int8. The model sets the cost.
    #[arg(long, value_name = "NAME", help_heading = "Protocol")]
    model: Vec<String>,

    /// How pictures are made small
    ///
    /// bicubic: antialiased as in MATLAB, rounded to 8 bit. camera: blur, antialiased shrinking, 4:2:0, x264. Default:
    /// bicubic. camera costs an encoding per clip and --crf.
    #[arg(long, value_enum, value_name = "HOW", help_heading = "Protocol")]
    degrade: Option<DegradeArg>,

    /// Constant rate factor of --degrade camera, 0 to 51; may be repeated [default: 23 and 32; each is another table]
    #[arg(long, value_name = "N", value_parser = value::number, allow_hyphen_values = true, help_heading = "Protocol")]
    crf: Vec<f64>,

    /// Deviation of the blur of --degrade camera in pixels of the reference, 0 to 20 [default: 0.4 x scale; no cost]
    #[arg(long, value_name = "PIXELS", value_parser = value::number, allow_hyphen_values = true, help_heading = "Protocol")]
    blur: Option<f64>,

    /// How the pictures of a folder belong together
    ///
    /// Default: auto, a clip if they are numbered without a gap and have one size, else single pictures; clips refuses
    /// what is none. No cost.
    #[arg(long, value_enum, value_name = "KIND", help_heading = "Protocol")]
    content: Option<ContentArg>,

    /// Another program's way, as a row of its own, for --task interpolate
    ///
    /// minterpolate: FFmpeg's filter with motion compensation, in its most thorough settings. Default: none. It adds about 40 %
    /// to the time.
    #[arg(long, value_enum, value_name = "METHOD", help_heading = "Protocol")]
    compare: Option<CompareArg>,

    /// Frames of each clip that are used; for predict and interpolate at least 5 [default: all; fewer is faster]
    #[arg(long, value_name = "FRAMES", value_parser = value::count(1, 1_000_000_000), allow_hyphen_values = true, help_heading = "Protocol")]
    limit: Option<usize>,

    /// Pixels cut off on each side before comparing, 0 to 1000 [default: the scale, 0 for metrics; no cost]
    #[arg(long, value_name = "PIXELS", value_parser = value::count(0, 1000), allow_hyphen_values = true, help_heading = "Protocol")]
    border: Option<usize>,

    /// Size of the frames over which models are timed [default: 640x360; larger takes longer]
    #[arg(long, value_name = "WxH", value_parser = value::size, help_heading = "Protocol")]
    timing_size: Option<(u32, u32)>,

    /// Does not time models [default: a few seconds per model]
    #[arg(long, conflicts_with = "timing_size", help_heading = "Protocol")]
    no_timing: bool,

    /// Threads: pictures and clips compared at a time, and the second time of a model, 1 to 1024 [default: all cores]
    #[arg(long, value_name = "N", value_parser = value::count(1, 1024), allow_hyphen_values = true, help_heading = "Processing")]
    threads: Option<usize>,

    /// Where networks run, as in `framecast run` [default: auto; cpu: slower, always works]
    #[arg(long, value_name = "DEVICE[:N,…]", help_heading = "Processing")]
    device: Option<Device>,

    /// Precision of products in networks, as in `framecast run` [default: auto; fp32: may be slower]
    #[arg(long, value_name = "PRECISION", value_parser = precisions(), help_heading = "Processing")]
    precision: Option<Precision>,

    /// What does the pixel work of models, as in `framecast run` [default: auto]
    #[arg(long, value_enum, value_name = "KERNELS", help_heading = "Processing")]
    kernels: Option<KernelsArg>,

    /// Largest side of a tile in input pixels, 64 to 8192 [default: by memory; smaller costs time]
    #[arg(long, value_name = "PIXELS", value_parser = value::count(64, 8192), allow_hyphen_values = true, help_heading = "Processing")]
    tile: Option<usize>,

    /// For predict and interpolate: at what part of its usual size motion is found, 1 or 0.5 [default: 1; 0.5 is faster]
    #[arg(long, value_name = "SCALE", value_parser = value::motion_scale, help_heading = "Processing")]
    motion_scale: Option<MotionScale>,

    /// The ONNX Runtime library [default: searched as by `framecast run`]
    #[arg(long, value_name = "FILE", help_heading = "Processing")]
    ort_lib: Option<PathBuf>,

    /// Writes one JSON object with all scores to standard output instead of tables [default: off; no cost]
    #[arg(long, help_heading = "Reporting")]
    pub(super) json: bool,

    /// Writes a report with tables, plots and pictures as one HTML file
    ///
    /// For sr with cut-outs side by side and a slider; for predict and interpolate with the frames that came out worst: truth,
    /// prediction, error, and how far it was trusted. Default: none. Costs little time; a cut-out in six versions takes about a
    /// megabyte.
    #[arg(long, value_name = "FILE", help_heading = "Reporting")]
    pub(super) html: Option<PathBuf>,

    /// Pictures and clips of which the report shows cut-outs, 0 to 100 [default: 4; each adds about a megabyte]
    ///
    /// For predict and interpolate: the worst frames that are shown of each protocol, at most 2 of a clip [default: 6].
    #[arg(long, value_name = "N", value_parser = value::count(0, 100), allow_hyphen_values = true, requires = "html", help_heading = "Reporting")]
    samples: Option<usize>,

    /// Replaces an existing report [default: refuse]
    #[arg(short = 'y', long, help_heading = "Reporting")]
    pub(super) overwrite: bool,

    /// Prints errors and results only [default: progress; no cost]
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Reporting")]
    pub(super) quiet: bool,

    /// Logs more: -v info, -vv debug, -vvv trace; FRAMECAST_LOG goes before it [default: warnings; trace is slow]
    #[arg(short, long, action = ArgAction::Count, help_heading = "Reporting")]
    pub(super) verbose: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, ValueEnum)]
enum TaskArg {
    #[default]
    Sr,
    Metrics,
    Predict,
    Interpolate,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DegradeArg {
    Bicubic,
    Camera,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum CompareArg {
    Minterpolate,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ContentArg {
    Auto,
    Pictures,
    Clips,
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(super) enum Task {
    Evaluate(Box<EvalConfig>),
    Compare(CompareConfig),
    Motion(MotionEvalConfig),
}

impl EvalArgs {
    /// The task that the arguments describe.
    pub(super) fn into_task(self) -> Result<Task, String> {
        match self.task {
            TaskArg::Sr => self.into_evaluation().map(|config| Task::Evaluate(Box::new(config))),
            TaskArg::Metrics => self.into_comparison().map(Task::Compare),
            TaskArg::Predict => self.into_motion(MotionMode::Predict).map(Task::Motion),
            TaskArg::Interpolate => self.into_motion(MotionMode::Interpolate).map(Task::Motion),
        }
    }

    fn into_motion(self, mode: MotionMode) -> Result<MotionEvalConfig, String> {
        let of_the_other_tasks = [
            ("-i", self.input.is_some()),
            ("--scale", self.scale.is_some()),
            ("--degrade", self.degrade.is_some()),
            ("--crf", !self.crf.is_empty()),
            ("--blur", self.blur.is_some()),
            ("--content", self.content.is_some()),
            ("--border", self.border.is_some()),
            ("--timing-size", self.timing_size.is_some()),
            ("--no-timing", self.no_timing),
            ("--device", self.device.is_some()),
            ("--precision", self.precision.is_some()),
            ("--kernels", self.kernels.is_some()),
            ("--tile", self.tile.is_some()),
        ];
        if let Some((name, _)) = of_the_other_tasks.iter().find(|(_, is_given)| *is_given) {
            return Err(format!("{name} does not belong to --task predict and interpolate"));
        }
        let own = match mode {
            MotionMode::Predict => "predict-live-int8",
            MotionMode::Interpolate => "interpolate-live",
        };
        let models = if self.model.is_empty() { vec![own.into()] } else { self.model };
        Ok(MotionEvalConfig {
            reference: self.reference,
            mode,
            models,
            scale: self.motion_scale.unwrap_or_default(),
            limit: self.limit,
            threads: self.threads,
            worst: if self.html.is_some() { self.samples.unwrap_or(DEFAULT_WORST) } else { 0 },
            minterpolate: matches!(self.compare, Some(CompareArg::Minterpolate)),
            runtime_library: self.ort_lib,
        })
    }

    fn into_evaluation(self) -> Result<EvalConfig, String> {
        if self.input.is_some() {
            return Err("-i belongs to --task metrics; --task sr makes its own input from --reference".into());
        }
        if self.compare.is_some() {
            return Err("--compare belongs to --task interpolate".into());
        }
        let scale = self.scale.unwrap_or(2);
        let camera = matches!(self.degrade, Some(DegradeArg::Camera));
        for (name, given) in [("--crf", !self.crf.is_empty()), ("--blur", self.blur.is_some())] {
            if given && !camera {
                return Err(format!("{name} belongs to --degrade camera"));
            }
        }
        let crfs = if self.crf.is_empty() { DEFAULT_CRFS.to_vec() } else { self.crf };
        // Rounded, so that it can be told: 0.8 and not 0.8000000000000000444.
        let blur = self.blur.unwrap_or((DEFAULT_BLUR * scale as f64 * 10.0).round() / 10.0);
        let degradations = match camera {
            true => crfs.into_iter().map(|crf| Degradation::Camera { crf, blur }).collect(),
            false => vec![Degradation::Bicubic],
        };
        let models = match self.model.is_empty() {
            true => DEFAULT_MODELS.map(str::to_owned).to_vec(),
            false => self.model,
        };
        Ok(EvalConfig {
            content: match self.content {
                None | Some(ContentArg::Auto) => Content::Auto,
                Some(ContentArg::Pictures) => Content::Pictures,
                Some(ContentArg::Clips) => Content::Clips,
            },
            scale: scale as u32,
            models,
            degradations,
            limit: self.limit,
            border: self.border,
            samples: if self.html.is_some() { self.samples.unwrap_or(DEFAULT_SAMPLES) } else { 0 },
            timing: (!self.no_timing).then_some(self.timing_size.unwrap_or((640, 360))),
            processing: ProcessingOptions {
                execution: Execution {
                    device: self.device.unwrap_or_default(),
                    precision: self.precision.unwrap_or_default(),
                    ..Execution::default()
                },
                kernels: self.kernels.unwrap_or_default().into(),
                threads: self.threads,
                tile: self.tile,
                runtime_library: self.ort_lib,
                ..ProcessingOptions::default()
            },
            ..EvalConfig::new(self.reference)
        })
    }

    fn into_comparison(self) -> Result<CompareConfig, String> {
        let of_the_other_task = [
            ("--scale", self.scale.is_some()),
            ("--model", !self.model.is_empty()),
            ("--degrade", self.degrade.is_some()),
            ("--crf", !self.crf.is_empty()),
            ("--blur", self.blur.is_some()),
            ("--content", self.content.is_some()),
            ("--timing-size", self.timing_size.is_some()),
            ("--no-timing", self.no_timing),
            ("--threads", self.threads.is_some()),
            ("--device", self.device.is_some()),
            ("--precision", self.precision.is_some()),
            ("--kernels", self.kernels.is_some()),
            ("--tile", self.tile.is_some()),
            ("--ort-lib", self.ort_lib.is_some()),
            ("--html", self.html.is_some()),
        ];
        if let Some((name, _)) = of_the_other_task.iter().find(|(_, is_given)| *is_given) {
            return Err(format!("{name} belongs to --task sr"));
        }
        if self.compare.is_some() {
            return Err("--compare belongs to --task interpolate".into());
        }
        let input = self.input.ok_or("--task metrics needs -i, the file that is judged")?;
        let border = self.border.unwrap_or(0);
        Ok(CompareConfig { input, reference: self.reference, border, limit: self.limit })
    }
}

#[cfg(test)]
mod tests {
    use super::super::args::{Cli, Command};
    use super::*;
    use clap::Parser;
    use framecast::kernel::KernelChoice;

    fn task(line: &str) -> Result<Task, String> {
        let words = ["framecast", "eval"].into_iter().chain(line.split_whitespace());
        match Cli::try_parse_from(words).map_err(|error| error.to_string())?.command {
            Command::Eval(arguments) => arguments.into_task(),
            other => panic!("{line} is {other:?}"),
        }
    }

    #[test]
    fn options_reach_their_fields() {
        let found = task(
            "--reference d --scale 3 --model a --model b.onnx --degrade camera --crf 20 --crf 30.5 --blur 1.5 \
             --content clips --limit 9 --border 4 --timing-size 64x48 --threads 3 --device cpu --kernels cpu \
             --tile 128 --ort-lib x.so --html r.html --samples 7",
        );
        let expected = EvalConfig {
            content: Content::Clips,
            scale: 3,
            models: vec!["a".into(), "b.onnx".into()],
            degradations: vec![
                Degradation::Camera { crf: 20.0, blur: 1.5 },
                Degradation::Camera { crf: 30.5, blur: 1.5 },
            ],
            limit: Some(9),
            border: Some(4),
            timing: Some((64, 48)),
            samples: 7,
            processing: ProcessingOptions {
                execution: Execution::CPU,
                kernels: KernelChoice::Cpu,
                threads: Some(3),
                tile: Some(128),
                runtime_library: Some("x.so".into()),
                ..ProcessingOptions::default()
            },
            ..EvalConfig::new("d")
        };
        assert_eq!(found, Ok(Task::Evaluate(Box::new(expected))));
        let found = task("--task metrics -i a --reference b --border 2 --limit 5");
        let expected = CompareConfig { input: "a".into(), reference: "b".into(), border: 2, limit: Some(5) };
        assert_eq!(found, Ok(Task::Compare(expected)));
    }

    #[test]
    fn nothing_given_is_the_protocol_of_the_literature() {
        let expected = EvalConfig { models: vec!["live-x2-int8".into()], ..EvalConfig::new("d") };
        assert_eq!(task("--reference d"), Ok(Task::Evaluate(Box::new(expected))));
        let Ok(Task::Evaluate(camera)) = task("--reference d --degrade camera --no-timing") else { panic!() };
        assert_eq!(
            camera.degradations,
            [Degradation::Camera { crf: 23.0, blur: 0.8 }, Degradation::Camera { crf: 32.0, blur: 0.8 }]
        );
        assert_eq!(camera.timing, None);
    }

    #[test]
    fn options_of_the_other_task_are_refused_by_name() {
        for (line, expected) in [
            ("--reference d -i a", "-i belongs to --task metrics"),
            ("--reference d --crf 20", "--crf belongs to --degrade camera"),
            ("--reference d --blur 1", "--blur belongs to --degrade camera"),
            ("--reference d --compare minterpolate", "--compare belongs to --task interpolate"),
            ("--task predict --reference d --scale 2", "--scale does not belong to --task predict"),
            ("--task metrics --reference b", "needs -i"),
            ("--task metrics -i a --reference b --model m", "--model belongs to --task sr"),
            ("--task metrics -i a --reference b --scale 2", "--scale belongs to --task sr"),
            ("--task metrics -i a --reference b --no-timing", "--no-timing belongs to --task sr"),
        ] {
            let message = task(line).unwrap_err();
            assert!(message.contains(expected), "{line}: {message}");
        }
    }
}
