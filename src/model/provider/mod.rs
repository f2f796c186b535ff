//! Where networks run: execution providers of ONNX Runtime, built into its library or plugged into it.

mod append;
mod assignment;
mod capture;
mod choice;
mod cuda;
mod engine_cache;
mod ffi_assignment;
mod ffi_stream;
mod libraries;
mod memory;
mod nvidia;
mod plugins;
mod report;
mod saturation;
mod trial;

pub use assignment::NetworkReport;
pub use nvidia::{NvidiaCard, nvidia_cards};
pub use report::{ProviderReport, provider_reports};

pub(super) use append::{Built, Placement, SessionPlan, build, is_offered, on_processor};
pub(super) use capture::{Running, begin_capture, begin_run};
pub(super) use choice::{Question, choose, refusal};
pub(super) use libraries::cuda_runtime;
pub(super) use plugins::{Origin, Plugins, Unusable};
pub(super) use trial::agreement;

use std::fmt;
use std::str::FromStr;

/// An execution provider of ONNX Runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    /// ONNX Runtime's own kernels for processors: always there.
    Cpu,
    /// NVIDIA's CUDA and cuDNN.
    Cuda,
    /// NVIDIA's TensorRT: engines are built for each model and size, which takes from seconds to minutes.
    TensorRt,
    /// NVIDIA's TensorRT for RTX cards, which compiles in seconds.
    TensorRtRtx,
    /// Intel's OpenVINO, for processors (AMD's too), graphics and NPUs.
    OpenVino,
    /// Any GPU through Vulkan, Direct3D 12 or Metal.
    WebGpu,
    /// Any GPU on Windows.
    DirectMl,
    /// Apple's GPU and neural engine.
    CoreMl,
    /// AMD's MIGraphX.
    MiGraphX,
}

impl Provider {
    /// All of them; those that are usually faster come first.
    pub const ALL: [Self; 9] = [
        Self::TensorRt,
        Self::TensorRtRtx,
        Self::Cuda,
        Self::MiGraphX,
        Self::CoreMl,
        Self::DirectMl,
        Self::WebGpu,
        Self::OpenVino,
        Self::Cpu,
    ];

    /// The name by which users ask for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::TensorRt => "tensorrt",
            Self::TensorRtRtx => "tensorrt-rtx",
            Self::OpenVino => "openvino",
            Self::WebGpu => "webgpu",
            Self::DirectMl => "directml",
            Self::CoreMl => "coreml",
            Self::MiGraphX => "migraphx",
        }
    }

    /// The name that ONNX Runtime has for it.
    pub const fn runtime_name(self) -> &'static str {
        match self {
            Self::Cpu => "CPUExecutionProvider",
            Self::Cuda => "CUDAExecutionProvider",
            Self::TensorRt => "TensorrtExecutionProvider",
            Self::TensorRtRtx => "NvTensorRTRTXExecutionProvider",
            Self::OpenVino => "OpenVINOExecutionProvider",
            Self::WebGpu => "WebGpuExecutionProvider",
            Self::DirectMl => "DmlExecutionProvider",
            Self::CoreMl => "CoreMLExecutionProvider",
            Self::MiGraphX => "MIGraphXExecutionProvider",
        }
    }

    /// The provider that ONNX Runtime calls `name`.
    pub(super) fn of_runtime_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.runtime_name() == name)
    }

    /// True if it runs on the processor at the expense of everything else there.
    pub const fn uses_processor(self) -> bool {
        matches!(self, Self::Cpu | Self::OpenVino)
    }

    /// True if a run with other sizes than those before costs nothing extra, and gives the same pixels.
    pub const fn takes_any_size(self) -> bool {
        matches!(self, Self::Cpu)
    }

    /// True if there are several of its devices in some machines, told apart by an index.
    const fn has_indices(self) -> bool {
        !matches!(self, Self::Cpu | Self::CoreMl)
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which devices of a provider, by their indices from 0; the provider's own choice if none is named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Indices(u32);

impl Indices {
    /// The device of one index, 0 to 31.
    pub const fn one(index: u32) -> Self {
        Self(1 << index)
    }

    /// How many are named.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// True if none is named.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The indices, rising.
    pub fn iter(self) -> impl Iterator<Item = u32> {
        (0..u32::BITS).filter(move |index| self.0 & (1 << index) != 0)
    }
}

/// Where networks are to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Device {
    /// The fastest that works on this machine, found by trial.
    #[default]
    Auto,
    /// This provider, on these of its devices: frames are dealt out to them in turn.
    On(Provider, Indices),
}

impl Device {
    /// ONNX Runtime's own kernels for processors.
    pub const CPU: Self = Self::On(Provider::Cpu, Indices(0));

    /// How many devices work side by side.
    pub const fn count(self) -> usize {
        match self {
            Self::Auto => 1,
            Self::On(_, indices) => {
                if indices.is_empty() {
                    1
                } else {
                    indices.len()
                }
            }
        }
    }

    /// What the worker of this number runs on: one of the devices, in turn.
    #[must_use]
    pub fn for_worker(self, worker: usize) -> Self {
        match self {
            Self::On(provider, indices) if indices.len() > 1 => {
                let index = indices.iter().nth(worker % indices.len()).unwrap_or_default();
                Self::On(provider, Indices::one(index))
            }
            other => other,
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::On(provider, indices) => {
                write!(f, "{provider}")?;
                for (count, index) in indices.iter().enumerate() {
                    write!(f, "{}{index}", if count == 0 { ':' } else { ',' })?;
                }
                Ok(())
            }
        }
    }
}

impl FromStr for Device {
    type Err = String;

    /// `auto`, or a provider's name and, after a colon, indices of its devices with commas between them.
    fn from_str(text: &str) -> Result<Self, String> {
        let names = || {
            let names: Vec<&str> = Provider::ALL.iter().rev().map(|provider| provider.name()).collect();
            format!("expected auto, {} (with :N or :N,M for devices), found {text:?}", names.join(", "))
        };
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let (name, numbers) =
            text.split_once(':').map_or((text, None), |(name, numbers)| (name, Some(numbers)));
        let provider =
            Provider::ALL.into_iter().find(|provider| provider.name() == name).ok_or_else(names)?;
        let Some(numbers) = numbers else { return Ok(Self::On(provider, Indices::default())) };
        if !provider.has_indices() {
            return Err(format!("expected {name} alone, for there is one only, found {text:?}"));
        }
        let mut indices = Indices::default();
        for number in numbers.split(',') {
            let index = number.parse::<u32>().ok().filter(|index| *index < u32::BITS);
            let index = index.ok_or_else(|| format!("expected device indices 0 to 31, found {number:?}"))?;
            indices.0 |= 1 << index;
        }
        Ok(Self::On(provider, indices))
    }
}

/// In which precision networks compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Precision {
    /// What the provider is fastest with on this machine, as long as the result agrees with 32 bits.
    #[default]
    Auto,
    /// 32-bit floats in all products and sums.
    Fp32,
    /// 16-bit floats (IEEE 754 binary16) in products.
    Fp16,
    /// bfloat16 in products, as AVX-512 BF16, AMX and most GPUs have it.
    Bf16,
    /// 19-bit floats (10 bits of mantissa) in products, on tensor cores of NVIDIA's cards.
    Tf32,
}

impl Precision {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Auto, Self::Fp32, Self::Tf32, Self::Fp16, Self::Bf16];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Fp32 => "fp32",
            Self::Fp16 => "fp16",
            Self::Bf16 => "bf16",
            Self::Tf32 => "tf32",
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where and how networks are to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Execution {
    /// The provider and its devices.
    pub device: Device,
    /// Precision of products.
    pub precision: Precision,
    /// A network of which one node would run elsewhere is an error.
    pub required: bool,
    /// Runs are not captured as CUDA graphs: others in this process, such as a decoder, use the card at any time, and what
    /// they do while a run is captured fails.
    pub without_graphs: bool,
}

impl Execution {
    /// On ONNX Runtime's own kernels for processors.
    pub const CPU: Self =
        Self { device: Device::CPU, precision: Precision::Auto, required: false, without_graphs: false };

    /// What the worker of this number runs on, see [`Device::for_worker`].
    #[must_use]
    pub fn for_worker(self, worker: usize) -> Self {
        Self { device: self.device.for_worker(worker), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_read_as_they_are_written() {
        for text in [
            "auto",
            "cpu",
            "cuda",
            "cuda:0",
            "cuda:0,1",
            "tensorrt:3",
            "tensorrt-rtx",
            "openvino:1",
            "migraphx",
        ] {
            assert_eq!(text.parse::<Device>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn wrong_devices_are_refused_with_what_would_be_right() {
        let error = |text: &str| text.parse::<Device>().unwrap_err();
        assert!(error("gpu").contains("cpu, openvino") && error("gpu").contains("\"gpu\""));
        assert!(error("cuda:").contains("0 to 31"));
        assert!(error("cuda:0,x").contains("\"x\""));
        assert!(error("cuda:32").contains("0 to 31"));
        assert!(error("cpu:0").contains("one only"));
    }

    #[test]
    fn workers_take_the_devices_in_turn() {
        let device: Device = "cuda:0,2".parse().unwrap();
        let names: Vec<String> = (0..4).map(|worker| device.for_worker(worker).to_string()).collect();
        assert_eq!(names, ["cuda:0", "cuda:2", "cuda:0", "cuda:2"]);
        assert_eq!(device.count(), 2);
        assert_eq!(Device::Auto.for_worker(3), Device::Auto);
        assert_eq!("cuda".parse::<Device>().unwrap().for_worker(1).to_string(), "cuda");
    }
}
