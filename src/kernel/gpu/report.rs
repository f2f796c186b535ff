//! The adapters of this machine, for those who wonder why one is not used.

use super::device::adapters;

/// An adapter that compute shaders could run on.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct AdapterReport {
    /// Its name.
    pub name: String,
    /// Vulkan, Metal or Dx12.
    pub interface: String,
    /// DiscreteGpu, IntegratedGpu, VirtualGpu, Cpu or Other.
    pub kind: String,
    /// Name and version of its driver.
    pub driver: String,
    /// True if shaders can compute in 16-bit floats.
    pub fp16: bool,
    /// True if the time of shaders can be measured on it.
    pub timestamps: bool,
}

/// All adapters, software renderers included. Loads their drivers.
pub fn adapter_reports() -> Vec<AdapterReport> {
    let report = |adapter: &wgpu::Adapter| {
        let (info, features) = (adapter.get_info(), adapter.features());
        AdapterReport {
            name: info.name,
            interface: format!("{:?}", info.backend),
            kind: format!("{:?}", info.device_type),
            driver: format!("{} {}", info.driver, info.driver_info).trim().into(),
            fp16: features.contains(wgpu::Features::SHADER_F16),
            timestamps: features.contains(wgpu::Features::TIMESTAMP_QUERY),
        }
    };
    adapters().iter().map(report).collect()
}
