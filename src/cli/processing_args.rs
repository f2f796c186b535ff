//! Options that say what happens to frames.

use super::execution_args::ExecutionArgs;
use super::value;
use clap::{Args, ValueEnum};
use framecast::config::{
    DenoiseOptions, EnhanceOptions, MotionOptions, Order, ProcessingOptions, Reuse, Style, StyleOptions,
    Target,
};
use framecast::frame::{FrameRate, MotionMode, MotionScale};
use framecast::kernel::KernelChoice;
use framecast::stage::DetectorOptions;
use std::path::PathBuf;

#[derive(Args, Debug)]
#[command(next_help_heading = "Processing")]
pub(super) struct ProcessingArgs {
    /// Size to reach: a whole factor from 1 to 8, WxH to fit into, 720p, 1080p, 1440p or 4k
    ///
    /// Cost grows with the number of pixels of the input; 1 is a plain transcode without a network.
    #[arg(long, value_name = "SIZE", value_parser = value::target, default_value = "2", allow_hyphen_values = true)]
    upscale: Target,

    /// Model by name, or any .onnx file; may be repeated, and runs in this order
    ///
    /// Default: live-x2-int8. The models set the cost: see `framecast models list`. A file without its manifest (.toml) beside
    /// it is probed, which takes up to some seconds.
    #[arg(long, value_name = "NAME")]
    model: Vec<String>,

    /// Value of a model's argument: a number or several with commas; may be repeated [default: the models' own; no cost]
    ///
    /// Where several models have the argument, its name goes after the model's: denoise:strength=0.5.
    #[arg(long, value_name = "[MODEL:]NAME=VALUE", value_parser = value::pair)]
    model_arg: Vec<(String, String)>,

    /// How much the model makes up, from 0 (keeps to the source) to 1 (sharpest), for models with a partner to mix with
    ///
    /// Default: off, the model as it is. Costs a moment at the start.
    #[arg(long, value_name = "0..1", value_parser = value::part, allow_hyphen_values = true)]
    detail: Option<f32>,

    /// Paints in a style: a number from 0 to 25, a mix such as 3:0.6,7:0.4, or a picture whose style it takes
    ///
    /// Default: none. The weights of a mix are relative. Needs `framecast models pull multistyle26`, for pictures
    /// arbitrary-style-predict and arbitrary-style-transform. Costs many times what live-x2-int8 does.
    #[arg(long, value_name = "N|N:W,N:W|PICTURE", value_parser = value::style, allow_hyphen_values = true)]
    style: Option<Style>,

    /// Share of the painted picture, 0 to 1; the rest stays as it was [default: 1; no cost]
    #[arg(long, value_name = "SHARE", value_parser = value::share(1.0), requires = "style", allow_hyphen_values = true)]
    style_strength: Option<f64>,

    /// Longer side of what is painted, 64 to 2048 pixels
    ///
    /// Default: 640. Larger frames are painted at this size and enlarged; cost grows with its square. A picture's style is
    /// always painted at 384 x 384.
    #[arg(long, value_name = "PIXELS", value_parser = value::count(64, 2048), requires = "style", allow_hyphen_values = true)]
    style_size: Option<usize>,

    /// Frames per second of the output: 60, 60000/1001, a multiple of the source's such as x2, or source
    ///
    /// Default: source. Frames of the source that fall on the output's grid stay as they are, the others are made of
    /// motion, which costs an estimate and a pass over the picture for each. Audio is not touched.
    #[arg(long, value_name = "N[/D]|xK|source", value_parser = value::frame_rate, default_value = "source", hide_default_value = true, allow_hyphen_values = true)]
    fps: FrameRate,

    /// What frames between those of the source are made of
    ///
    /// Default: of run interpolate, which looks at the frame before and the one after, and so is a frame later; of live
    /// predict, which looks at past frames only and is further from the truth.
    #[arg(long, value_enum, value_name = "MODE")]
    mode: Option<ModeArg>,

    /// What counts as a scene cut, 0 to 1: the share of contrast that motion does not explain
    ///
    /// Default: 0.75; cuts have 0.84 and more, fast motion up to 0.74. At a cut the last frame is held. No cost.
    #[arg(long, value_name = "SHARE", value_parser = value::part, default_value_t = DetectorOptions::default().cut, hide_default_value = true, allow_hyphen_values = true)]
    scene_threshold: f32,

    /// What counts as a flash, 0 to 1: how much brighter or darker all of the picture becomes from one frame to the next
    ///
    /// Default: 0.06, 15 of 255 code values; 1: nothing does. Around a flash the last frame is held. No cost.
    #[arg(long, value_name = "SHARE", value_parser = value::part, default_value_t = DetectorOptions::default().flash, hide_default_value = true, allow_hyphen_values = true)]
    flash_threshold: f32,

    /// What counts as a dissolve or fade, 0 to 1: how much the change from frame to frame may differ from the one before
    ///
    /// Default: 0.4; in motion they differ by 0.42 and more. 0: nothing does. In a dissolve each frame is held. No cost.
    #[arg(long, value_name = "SHARE", value_parser = value::part, default_value_t = DetectorOptions::default().dissolve, hide_default_value = true, allow_hyphen_values = true)]
    dissolve_threshold: f32,

    /// Model that estimates motion, by name, or any .onnx file with its manifest; flow is dense inverse search without a network [default: of run predict-live (predict-live-int8 on processors) or flow, by mode; of live flow]
    #[arg(long, value_name = "NAME")]
    motion_model: Option<String>,

    /// At what part of its usual size motion is found: 1, or 0.5 for large pictures on slow machines
    ///
    /// Default: 1. With 0.5 motion takes about a quarter of the time, and frames made of it are less exact, most of all
    /// along the edges of what moves. live goes there by itself where it must.
    #[arg(long, value_name = "SCALE", value_parser = value::motion_scale, default_value = "1", hide_default_value = true)]
    motion_scale: MotionScale,

    /// Removes noise and the marks of coding from luma; STRENGTH is the share of the cleaned picture, 0 to 1
    ///
    /// Default: off; 1 where STRENGTH is left out. Costs about what live-x2 does for a frame of the source.
    #[arg(long, value_name = "STRENGTH", value_parser = value::share(1.0), num_args = 0..=1, default_missing_value = "1")]
    denoise: Option<f64>,

    /// Brightens dark frames
    ///
    /// Default: off. Needs `framecast models pull zero-dce`. The network sees a quarter of the size, at most 320 pixels,
    /// and its curves are applied to every pixel of the frame: both cost time.
    #[arg(long, value_enum, value_name = "WHAT")]
    enhance: Option<EnhanceArg>,

    /// Share of the brightened picture, 0 to 1; the rest stays as it was [default: 1; no cost]
    #[arg(long, value_name = "SHARE", value_parser = value::share(1.0), requires = "enhance", allow_hyphen_values = true)]
    enhance_strength: Option<f64>,

    /// Share of the frame before in styles and enhancement where nothing moves, 0 to 0.95
    ///
    /// Default: 0.8. Less flickers more, more follows changes of light later. Costs a pass over
    /// the frame.
    #[arg(long, value_name = "SHARE", value_parser = value::share(0.95), allow_hyphen_values = true)]
    smoothing: Option<f64>,

    /// In which order denoise, enhance, style and upscale run
    ///
    /// Default: denoise,enhance,style,upscale: noise goes before anything can strengthen it, everything runs on small
    /// frames, which costs least, and the style on well-lit ones.
    /// Deinterlacing always comes first. Steps after upscale see its larger frames and cost accordingly.
    #[arg(long, value_name = "STEP,…", value_parser = value::order, default_value = "denoise,enhance,style,upscale", hide_default_value = true)]
    order: Order,

    #[command(flatten)]
    execution: ExecutionArgs,

    /// What does the pixel work [auto: a GPU if there is one, else SIMD; gpu: also on a slow software adapter]
    #[arg(long, value_enum, value_name = "KERNELS", default_value_t)]
    kernels: KernelsArg,

    /// Threads for network, decoder and encoder each, 1 to 1024 [default: all cores; fewer is slower]
    ///
    /// In live runs all of them work on one frame, which is done sooner, and the default is 1: motion, composition and encoders
    /// have cores to themselves then.
    #[arg(long, value_name = "N", value_parser = value::count(1, 1024), allow_hyphen_values = true)]
    pub(super) threads: Option<usize>,

    /// Largest side of a tile in input pixels, 64 to 8192
    ///
    /// Default: by memory. Smaller tiles need less memory and cost time, for tiles overlap.
    #[arg(long, value_name = "PIXELS", value_parser = value::count(64, 8192), allow_hyphen_values = true)]
    tile: Option<usize>,

    /// Keeps what the network made where the source did not change [auto: the same output, sooner; off: no reuse]
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    reuse: ReuseArg,

    /// Holds still what changes by up to this many 8-bit code values where nothing moves, 0 to 64
    ///
    /// Default: 0, nothing. For noise of a camera; about 6 times its standard deviation, e.g. 8. Stops its shimmer and saves
    /// time, for what is held is not inferred again; faint motion is delayed.
    #[arg(long, value_name = "N", value_parser = value::count(0, 64), default_value_t, allow_hyphen_values = true)]
    static_threshold: usize,

    /// Dithers where bit depth shrinks or a network's output is rounded [default: off; costs a little bit rate]
    #[arg(long)]
    dither: bool,

    /// The ONNX Runtime library [default: searched beside the program and in .cache/onnxruntime/lib]
    #[arg(long, value_name = "FILE")]
    ort_lib: Option<PathBuf>,
}

/// What a live run has no use for: it sees every frame when it comes, and covers those that do not.
#[derive(Args, Debug)]
#[command(next_help_heading = "Processing")]
pub(super) struct RepairArgs {
    /// Leaves out frames that show nothing new, before anything else [default: off; saves time where there are such]
    ///
    /// For animation on twos, or 15 frames a second in a stream of 30: motion then goes from one new picture to the next.
    /// Needs another frame rate than the source's (--fps).
    #[arg(long)]
    pub(super) dedup: bool,

    /// How much a frame that shows nothing new for --dedup may differ from the last one that did, 0 to 1
    ///
    /// Default: 0.004, the mean of all samples being 1 of 255 code values apart; a block of 16 x 16 may differ by three times as
    /// much. 0: not at all. No cost.
    #[arg(long, value_name = "SHARE", value_parser = value::part, default_value_t = DetectorOptions::default().duplicate, hide_default_value = true, requires = "dedup", allow_hyphen_values = true)]
    pub(super) duplicate_threshold: f32,

    /// Fills the places of missing and damaged frames with motion, at the source's rate or a multiple [default: off]
    ///
    /// In streams of constant rate, up to 8 in a row. Costs what --fps does, for those frames only.
    #[arg(long)]
    pub(super) conceal: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum EnhanceArg {
    LowLight,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum KernelsArg {
    #[default]
    Auto,
    Cpu,
    Gpu,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ModeArg {
    Predict,
    #[default]
    Interpolate,
}

impl From<KernelsArg> for KernelChoice {
    fn from(kernels: KernelsArg) -> Self {
        match kernels {
            KernelsArg::Auto => Self::Auto,
            KernelsArg::Cpu => Self::Cpu,
            KernelsArg::Gpu => Self::Gpu,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ReuseArg {
    #[default]
    Auto,
    Off,
}

impl ProcessingArgs {
    /// The library's options, with the mode that is the default.
    pub(super) fn into_options(self, mode: MotionMode) -> ProcessingOptions {
        ProcessingOptions {
            target: self.upscale,
            models: self.model,
            model_arguments: self.model_arg,
            detail: self.detail,
            execution: self.execution.into(),
            kernels: self.kernels.into(),
            motion: MotionOptions {
                rate: self.fps,
                mode: match self.mode {
                    Some(ModeArg::Predict) => MotionMode::Predict,
                    Some(ModeArg::Interpolate) => MotionMode::Interpolate,
                    None => mode,
                },
                detector: DetectorOptions {
                    cut: self.scene_threshold,
                    flash: self.flash_threshold,
                    dissolve: self.dissolve_threshold,
                    ..DetectorOptions::default()
                },
                model: self.motion_model,
                scale: self.motion_scale,
                ..MotionOptions::default()
            },
            denoise: self.denoise.map(|strength| DenoiseOptions { strength }),
            enhance: self.enhance.map(|EnhanceArg::LowLight| EnhanceOptions {
                strength: self.enhance_strength.unwrap_or(1.0),
            }),
            style: self.style.map(|style| StyleOptions {
                style,
                strength: self.style_strength.unwrap_or(1.0),
                size: self.style_size.unwrap_or(StyleOptions::SIZE),
            }),
            smoothing: self.smoothing,
            order: self.order,
            threads: self.threads,
            tile: self.tile,
            dither: self.dither,
            static_threshold: self.static_threshold,
            reuse: match self.reuse {
                ReuseArg::Auto => Reuse::Auto,
                ReuseArg::Off => Reuse::Off,
            },
            runtime_library: self.ort_lib,
        }
    }
}
