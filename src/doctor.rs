//! What this machine has for framecast, what of it works, and what to do about the rest.

#[cfg(feature = "gpu")]
use crate::kernel::gpu::{AdapterReport, adapter_reports};
use crate::media::{self, HardwareReport};
use crate::model::{NvidiaCard, ProviderReport, Runtime, nvidia_cards, provider_reports};
use std::path::{Path, PathBuf};

/// Everything that was found.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Diagnosis {
    /// Of framecast.
    pub version: &'static str,
    /// Operating system and architecture, as in `linux x86_64`.
    pub system: String,
    /// Cores that may be used.
    pub cores: usize,
    /// Instructions of the processor that networks and kernels profit from.
    pub instructions: Vec<&'static str>,
    /// Versions of FFmpeg's libraries.
    pub ffmpeg: Vec<(&'static str, String)>,
    /// The ONNX Runtime library.
    pub onnx_runtime: RuntimeReport,
    /// What FFmpeg decodes and encodes in hardware.
    pub hardware: Vec<HardwareReport>,
    /// Execution providers: where networks can run.
    pub providers: Vec<ProviderReport>,
    /// NVIDIA's cards.
    pub nvidia: Vec<NvidiaCard>,
    /// Why there are none; the driver is missing, for example.
    pub nvidia_problem: Option<String>,
    /// Adapters on which kernels can run.
    #[cfg(feature = "gpu")]
    pub adapters: Vec<AdapterReport>,
}

/// The ONNX Runtime library.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct RuntimeReport {
    /// Its file.
    pub library: Option<PathBuf>,
    /// Its version and how it was built.
    pub version: Option<String>,
    /// Why it cannot be used, and what to do.
    pub problem: Option<String>,
}

impl Diagnosis {
    /// Looks at everything; `library` is the ONNX Runtime library if it is not to be searched. Takes some seconds, for
    /// every provider is tried.
    pub fn new(library: Option<&Path>) -> Self {
        let (onnx_runtime, providers) = match Runtime::load(library) {
            Ok(runtime) => {
                let report = RuntimeReport {
                    library: runtime.library().map(Path::to_path_buf),
                    version: Some(Runtime::version()),
                    problem: None,
                };
                (report, provider_reports(&runtime))
            }
            Err(error) => {
                (RuntimeReport { problem: Some(error.to_string()), ..RuntimeReport::default() }, Vec::new())
            }
        };
        let (nvidia, nvidia_problem) = match nvidia_cards() {
            Ok(cards) => (cards, None),
            Err(problem) => (Vec::new(), Some(problem)),
        };
        Self {
            version: env!("CARGO_PKG_VERSION"),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            instructions: instructions(),
            ffmpeg: media::library_versions(),
            hardware: media::hardware_reports(),
            onnx_runtime,
            providers,
            nvidia,
            nvidia_problem,
            #[cfg(feature = "gpu")]
            adapters: adapter_reports(),
        }
    }

    /// True if networks can run at all.
    pub fn is_usable(&self) -> bool {
        self.providers.iter().any(|provider| provider.working)
    }
}

fn instructions() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    {
        macro_rules! detected {
            ($($name:tt),*) => { [$(($name, std::arch::is_x86_feature_detected!($name))),*] };
        }
        let known = detected!(
            "avx2",
            "fma",
            "avxvnni",
            "avx512f",
            "avx512bw",
            "avx512vnni",
            "avx512bf16",
            "avx512fp16"
        );
        known.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name).collect()
    }
    #[cfg(not(target_arch = "x86_64"))]
    Vec::new()
}
