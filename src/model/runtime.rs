//! The ONNX Runtime library: found, loaded once per process, and shared by every session.

use super::provider::{Device, Origin, Plugins, Provider, Unusable, cuda_runtime, is_offered};
use super::store::user_data_folder;
use crate::error::ModelError;
use ort::environment::Environment;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Names that the library may have in a folder.
const FILE_NAMES: &[&str] = if cfg!(target_os = "windows") {
    &["onnxruntime.dll"]
} else if cfg!(target_os = "macos") {
    &["libonnxruntime.dylib"]
} else {
    &["libonnxruntime.so", "libonnxruntime.so.1"]
};

/// Folders of the system's linker, searched last.
const SYSTEM_FOLDERS: &[&str] = &[
    "/usr/local/lib",
    "/usr/lib",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/opt/homebrew/lib",
];

/// ONNX Runtime allows one environment per process, ever.
static LOADED: Mutex<Option<Runtime>> = Mutex::new(None);

/// The loaded ONNX Runtime.
#[derive(Clone, Debug)]
pub struct Runtime {
    environment: Environment,
    library: Option<PathBuf>,
    plugins: Arc<Plugins>,
}

impl Runtime {
    /// Loads the library, or returns the one that the process has loaded already.
    ///
    /// The official packages of 1.32 and newer report their use to Microsoft unless `ORT_DISABLE_TELEMETRY=1` is in the
    /// environment before; framecast's program puts it there, programs that use this library have to do so themselves.
    ///
    /// Without `path` it is searched: `ORT_DYLIB_PATH`, the one with CUDA where that and NVIDIA's driver are there, beside
    /// the executable, `.cache/onnxruntime/lib` of the project's folder, the user's data folder, the system's folders.
    pub fn load(path: Option<&Path>) -> Result<Self, ModelError> {
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = loaded.as_ref() {
            return Ok(runtime.clone());
        }
        let library = find_library(path)?;
        let environment = initialise(&library)?;
        let runtime = Self { environment, library: Some(library), plugins: Arc::default() };
        *loaded = Some(runtime.clone());
        Ok(runtime)
    }

    /// Takes the environment of a program that uses ONNX Runtime itself. To be called before [`Runtime::load`].
    pub fn from_environment(environment: Environment) -> Self {
        let runtime = Self { environment, library: None, plugins: Arc::default() };
        *LOADED.lock().unwrap_or_else(PoisonError::into_inner) = Some(runtime.clone());
        runtime
    }

    pub(super) const fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Version and build of the loaded library, without its compiler's flags.
    pub fn version() -> String {
        let info = ort::info().trim_start_matches("ORT Build Info: ");
        info.split(", cmake").next().unwrap_or_default().trim().to_owned()
    }

    /// How `provider` is there, or why it is not. Registers its plugin if it has one.
    pub(super) fn origin(&self, provider: Provider) -> Result<Origin, Unusable> {
        self.plugins.origin(&self.environment, provider)
    }

    /// True if networks on `device` run on ONNX Runtime's own kernels for processors: it names them, or nothing else is there to
    /// choose.
    pub(crate) fn is_plain(&self, device: Device) -> bool {
        match device {
            Device::On(provider, _) => provider == Provider::Cpu,
            Device::Auto => {
                let mut others = Provider::ALL.into_iter().filter(|provider| *provider != Provider::Cpu);
                others.all(|provider| !is_offered(self, provider))
            }
        }
    }

    /// The library's file, unless the environment was given by the caller.
    pub fn library(&self) -> Option<&Path> {
        self.library.as_deref()
    }
}

fn initialise(library: &Path) -> Result<Environment, ModelError> {
    let fault = |problem: String| ModelError::Runtime {
        problem: format!("{} cannot be used: {problem}", library.display()),
        remedy: "version 1.24 or newer is needed; `make setup` fetches one".into(),
    };
    let builder = ort::init_from(library).map_err(|error| fault(error.to_string()))?;
    builder.with_name("framecast").with_telemetry(false).build().map_err(|error| fault(error.to_string()))
}

fn find_library(path: Option<&Path>) -> Result<PathBuf, ModelError> {
    let named = path.map(|path| ("--ort-lib", path.to_path_buf()));
    let variable = || std::env::var_os("ORT_DYLIB_PATH").filter(|value| !value.is_empty());
    let named = named.or_else(|| Some(("ORT_DYLIB_PATH", variable()?.into())));
    if let Some((origin, path)) = named {
        return if path.is_file() {
            Ok(path)
        } else {
            Err(ModelError::Runtime {
                problem: format!("{origin} names {}, which is no file", path.display()),
                remedy: "give the path of libonnxruntime.so".into(),
            })
        };
    }
    if let Some(library) = cuda_runtime() {
        return Ok(library);
    }
    let folders = search_folders();
    let candidates = folders.iter().flat_map(|folder| FILE_NAMES.iter().map(|name| folder.join(name)));
    candidates.into_iter().find(|path| path.is_file()).ok_or_else(|| ModelError::Runtime {
        problem: "the library was not found".into(),
        remedy: "run `make setup`, or name it with --ort-lib or ORT_DYLIB_PATH".into(),
    })
}

fn search_folders() -> Vec<PathBuf> {
    let beside = folders_of_executable();
    let mut folders: Vec<PathBuf> =
        beside.first().into_iter().flat_map(|folder| [folder.clone(), folder.join("lib")]).collect();
    folders.extend(project_folders().map(|folder| folder.join(".cache/onnxruntime/lib")));
    folders.extend(user_data_folder().map(|folder| folder.join("lib")));
    folders.extend(SYSTEM_FOLDERS.iter().map(PathBuf::from));
    folders
}

/// The executable's folder and those above it.
pub(super) fn folders_of_executable() -> Vec<PathBuf> {
    let executable = std::env::current_exe().ok();
    executable.iter().flat_map(|path| path.ancestors().skip(1)).map(PathBuf::from).collect()
}

/// Where the project's folder may be: target/release/framecast and target/debug/deps/test lie two to four levels below it.
pub(super) fn project_folders() -> impl Iterator<Item = PathBuf> {
    folders_of_executable().into_iter().take(5).chain(std::env::current_dir().ok())
}
