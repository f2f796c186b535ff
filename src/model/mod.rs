//! Networks: what they expect (manifests), where they are (store), and how they run (ONNX Runtime).
//!
//! ort's types do not leave this module, but for [`Runtime::from_environment`].

mod argument;
mod fit;
mod float16;
pub mod import;
mod interpolate;
mod manifest;
mod onnx;
mod probe;
mod provider;
mod runtime;
mod session;
mod store;
mod swap;
mod tensor;
pub mod zoo;

pub use argument::{Argument, ArgumentType};
pub use interpolate::interpolate;
pub use manifest::{InputManifest, Manifest, OutputManifest, Scores, Task};
pub use probe::probe;
pub use provider::{
    Device, Execution, Indices, NetworkReport, NvidiaCard, Precision, Provider, ProviderReport, nvidia_cards,
    provider_reports,
};
pub use runtime::Runtime;
pub(crate) use session::RUNS_UNTIL_REPLAY;
pub use session::{RunningNetwork, Session, SharedRun};
pub use store::{Model, ModelFile};

pub(crate) use store::{DEFAULT_DETAILED_MODEL, DEFAULT_MODEL, SMALL_MODEL};
