//! Where the libraries of providers lie, and what has to be loaded before them.

use super::Provider;
use crate::model::runtime::{folders_of_executable, project_folders};
use crate::model::store::user_data_folder;
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};

/// Names folders to search instead of the usual ones; empty for none.
const VARIABLE: &str = "FRAMECAST_PROVIDERS";

/// NVIDIA's driver.
const DRIVER: &str = if cfg!(target_os = "windows") { "nvcuda.dll" } else { "libcuda.so.1" };

/// Folders that hold a folder for each provider, `NAME/lib`; the first that has one counts: `providers` beside the program or
/// one level higher, `.cache/providers` of the project's folder, and the user's data folder.
fn roots() -> Vec<PathBuf> {
    if let Some(folders) = std::env::var_os(VARIABLE) {
        return std::env::split_paths(&folders).filter(|folder| !folder.as_os_str().is_empty()).collect();
    }
    let beside = folders_of_executable();
    let mut roots: Vec<PathBuf> = beside.iter().take(2).map(|folder| folder.join("providers")).collect();
    roots.extend(project_folders().map(|folder| folder.join(".cache/providers")));
    roots.extend(user_data_folder().map(|folder| folder.join("providers")));
    roots
}

/// The folder with the libraries of `provider`, if there is one.
pub(super) fn folder(provider: Provider) -> Option<PathBuf> {
    let below = Path::new(provider.name()).join("lib");
    roots().into_iter().map(|root| root.join(&below)).find(|folder| folder.is_dir())
}

/// The library with which `provider` is plugged into ONNX Runtime, if it is one of those and was found.
pub(super) fn plugin(provider: Provider) -> Option<PathBuf> {
    let name = match provider {
        Provider::OpenVino => "onnxruntime_providers_openvino_plugin",
        Provider::WebGpu => "onnxruntime_providers_webgpu",
        Provider::TensorRtRtx => "onnxruntime_providers_nv_tensorrt_rtx",
        _ => return None,
    };
    Some(folder(provider)?.join(format!("{DLL_PREFIX}{name}{DLL_SUFFIX}"))).filter(|path| path.is_file())
}

/// True if NVIDIA's driver can be loaded.
pub(super) fn has_nvidia_driver() -> bool {
    ort::util::preload_dylib(DRIVER).is_ok()
}

/// The ONNX Runtime library that has CUDA and TensorRT built in, if it was found and there is a driver for it; what it
/// needs is loaded before, so that it is found wherever it lies.
pub(in crate::model) fn cuda_runtime() -> Option<PathBuf> {
    let folder = folder(Provider::Cuda)?;
    let library = libraries(&folder).into_iter().find(|path| is_library(path))?;
    if !has_nvidia_driver() {
        return None;
    }
    let mut needed = libraries(&folder);
    needed.extend(self::folder(Provider::TensorRt).iter().flat_map(|folder| libraries(folder)));
    preload(needed);
    Some(library)
}

/// True for a file that is named like the library of ONNX Runtime itself.
fn is_library(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name == format!("{DLL_PREFIX}onnxruntime{DLL_SUFFIX}") || name.starts_with("libonnxruntime.so.")
}

/// Shared libraries in a folder, in the order of their names.
fn libraries(folder: &Path) -> Vec<PathBuf> {
    let is_shared = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.contains(DLL_SUFFIX)
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_shared).collect();
    found.sort();
    found
}

/// Loads libraries that need each other, whatever their order; those that cannot be loaded are told when they are used.
fn preload(mut waiting: Vec<PathBuf>) {
    // ONNX Runtime loads its own; TensorRT loads the builder's resources, which are large, when it builds.
    waiting.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        !name.contains("onnxruntime") && !name.contains("builder_resource")
    });
    loop {
        let before = waiting.len();
        waiting.retain(|path| ort::util::preload_dylib(path).is_err());
        if waiting.is_empty() || waiting.len() == before {
            return;
        }
    }
}
