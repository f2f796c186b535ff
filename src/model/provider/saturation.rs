//! 8-bit networks on processors without instructions for them.

use crate::model::onnx::{ModelProto, TensorProto, data_type};
use prost::Message;

/// Without VNNI, ONNX Runtime's kernels add two products of a byte and a weight in 16 bits: beyond this they can overflow,
/// `2 * 255 * 64` being the last that fits.
const LARGEST_WEIGHT: i8 = 64;

/// True if ONNX Runtime's 8-bit kernels would compute `network` wrongly on this processor. It is exact with 8-bit arithmetic
/// turned off, in 32-bit floats.
///
/// Networks of ours have weights of 7 bits. Of one with 8 bits, results were found to be wrong by a fifth.
pub(super) fn saturates(network: &[u8]) -> bool {
    !has_vnni() && has_large_weights(network)
}

fn has_vnni() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx512vnni")
        || std::arch::is_x86_feature_detected!("avxvnni");
    #[cfg(not(target_arch = "x86_64"))]
    true
}

fn has_large_weights(network: &[u8]) -> bool {
    let Ok(ModelProto { graph: Some(graph), .. }) = ModelProto::decode(network) else { return false };
    let is_weight =
        |constant: &&TensorProto| constant.data_type == Some(data_type::INT8) && constant.dims.len() > 1;
    let is_large = |weight: i8| !(-LARGEST_WEIGHT..=LARGEST_WEIGHT).contains(&weight);
    graph.initializer.iter().filter(is_weight).any(|constant| match &constant.raw_data {
        Some(raw) => raw.iter().any(|byte| is_large(byte.cast_signed())),
        None => constant.int32_data.iter().any(|value| i8::try_from(*value).is_ok_and(is_large)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Model;
    use crate::model::onnx::GraphProto;

    #[test]
    fn weights_of_eight_bits_are_told_from_those_of_seven() {
        let network = |weights: [i8; 4], dims: &[usize]| {
            let floats = TensorProto::floats("w", dims, &[0.0]);
            let raw_data = Some(weights.map(i8::cast_unsigned).to_vec());
            let weights = TensorProto { data_type: Some(data_type::INT8), raw_data, ..floats };
            let graph = GraphProto { initializer: vec![weights], ..GraphProto::default() };
            has_large_weights(&ModelProto::new(graph).encode_to_vec())
        };
        assert!(network([1, 2, 65, 0], &[2, 2]) && network([0, 0, -128, 0], &[2, 2]));
        assert!(!network([1, 64, -64, 0], &[2, 2]));
        assert!(!network([1, 2, 100, 0], &[4]), "no weights: zero points");
        assert!(!has_large_weights(&Model::find("live-x2-int8").unwrap().network));
        assert!(!has_large_weights(b"GIF89a"));
    }
}
