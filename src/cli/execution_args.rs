//! The options that say where networks run.

use clap::Args;
use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser;
use framecast::config::{Device, Execution, Precision};

#[derive(Clone, Copy, Debug, Default, Args)]
pub(super) struct ExecutionArgs {
    /// Where networks run: auto, cpu, openvino, cuda, tensorrt, tensorrt-rtx, webgpu, directml, coreml, migraphx
    ///
    /// Default: auto, the fastest provider that works here. Those that are installed (`make setup-openvino` and so on;
    /// `framecast doctor` lists them) are tried once on the model and size, and the result is remembered. cpu always
    /// works. With :N a provider's device of that index, with :N,M several: frames are dealt out to them. tensorrt
    /// runs on cuda until its engine has been built. A device that does not work is an error.
    #[arg(long, value_name = "DEVICE[:N,…]", default_value = "auto", hide_default_value = true)]
    pub(super) device: Device,

    /// Precision of products in networks
    ///
    /// Default: auto, what the provider is fastest with as long as outputs agree with 32 bits (pictures within a code
    /// value on average, motion within 0.05 pixels). fp32 is slower where there is hardware for less. What a provider
    /// cannot compute in is an error.
    #[arg(long, value_name = "PRECISION", value_parser = precisions(), default_value = "auto", hide_default_value = true)]
    pub(super) precision: Precision,

    /// Ends with an error unless the device runs every node of every network
    ///
    /// Default: nodes that a provider does not know run on the processor, and are told. tensorrt builds its engine
    /// before the first frame.
    #[arg(long)]
    pub(super) require_device: bool,
}

impl From<ExecutionArgs> for Execution {
    fn from(arguments: ExecutionArgs) -> Self {
        let ExecutionArgs { device, precision, require_device } = arguments;
        Self { device, precision, required: require_device, without_graphs: false }
    }
}

pub(super) fn precisions() -> impl TypedValueParser<Value = Precision> {
    PossibleValuesParser::new(Precision::ALL.map(Precision::name))
        .map(|name| Precision::ALL.into_iter().find(|precision| precision.name() == name).unwrap_or_default())
}
