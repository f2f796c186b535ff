//! NVIDIA's cards, as the driver's management library (NVML) tells them.

use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;
use std::sync::OnceLock;

/// A card.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct NvidiaCard {
    /// Index from 0, as `--device cuda:INDEX` takes it where nothing reorders cards.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its unique number.
    pub uuid: String,
    /// Version of the driver.
    pub driver: String,
    /// Major and minor.
    pub compute_capability: (i32, i32),
    /// Memory in bytes.
    pub memory: u64,
    /// Memory in use, in bytes.
    pub memory_used: u64,
}

/// The machine's cards.
///
/// # Errors
///
/// Why they are not known: without a driver, for example.
pub fn nvidia_cards() -> Result<Vec<NvidiaCard>, String> {
    static LIBRARY: OnceLock<Result<Nvml, String>> = OnceLock::new();
    let library = LIBRARY.get_or_init(|| Nvml::init().map_err(|error| error.to_string()));
    let library = library.as_ref().map_err(Clone::clone)?;
    list(library).map_err(|error| error.to_string())
}

fn list(library: &Nvml) -> Result<Vec<NvidiaCard>, NvmlError> {
    let driver = library.sys_driver_version()?;
    let card = |index| {
        let device = library.device_by_index(index)?;
        let (capability, memory) = (device.cuda_compute_capability()?, device.memory_info()?);
        Ok(NvidiaCard {
            index,
            name: device.name()?,
            uuid: device.uuid()?,
            driver: driver.clone(),
            compute_capability: (capability.major, capability.minor),
            memory: memory.total,
            memory_used: memory.used,
        })
    };
    (0..library.device_count()?).map(card).collect()
}
