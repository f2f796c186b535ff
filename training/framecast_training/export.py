"""Checkpoint to ONNX file and manifest, checked against the network and scored."""

import argparse
import hashlib
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from .data import MEAN
from .evaluate import bicubic, load_set, onnx_upscaler, score
from .network import LumaNet

OPSET = 17
TOLERANCE = 1e-5
SCORE_KEYS = ["set5_psnr", "set14_psnr", "set5_ssim", "set14_ssim", "bicubic_set5_psnr", "bicubic_set14_psnr"]


def onnx_model(weights: list[np.ndarray], name: str) -> onnx.ModelProto:
    """A graph of Conv 3x3 and ReLU nodes; `weights` are kernel, bias, kernel, bias, ..."""
    nodes, constants, tensor = [], [], "input"
    layers = list(zip(weights[::2], weights[1::2]))
    for index, (kernel, bias) in enumerate(layers):
        last = index == len(layers) - 1
        names = [f"kernel{index}", f"bias{index}"]
        constants += [numpy_helper.from_array(array, label) for array, label in zip((kernel, bias), names)]
        target = "output" if last else f"conv{index}"
        nodes.append(helper.make_node("Conv", [tensor, *names], [target], kernel_shape=[3, 3], pads=[1, 1, 1, 1]))
        if not last:
            tensor = f"relu{index}"
            nodes.append(helper.make_node("Relu", [target], [tensor]))
    ports = [
        helper.make_tensor_value_info(port, TensorProto.FLOAT, [1, channels, "h", "w"])
        for port, channels in (("input", weights[0].shape[1]), ("output", weights[-1].shape[0]))
    ]
    graph = helper.make_graph(nodes, name, ports[:1], ports[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="framecast")
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    return model


def largest_difference(network: LumaNet, path: Path) -> float:
    """Largest absolute difference between the trained network and the ONNX file on random input."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = 0.0
    for height, width in ((45, 80), (7, 33), (1, 1)):
        x = torch.rand(1, 4, height, width) - MEAN
        with torch.no_grad():
            expected = network.folded()(x).numpy(), network(x).numpy()
        actual = session.run(["output"], {"input": x.numpy()})[0]
        worst = max(worst, *(float(np.abs(actual - e).max()) for e in expected))
    return worst


def manifest(path: Path, weights: list[np.ndarray], scores: dict[str, float]) -> str:
    """The TOML text that describes an exported network."""
    kernels = weights[::2]
    gigaflop = 2 * sum(kernel.size for kernel in kernels) / 4 * 1e6 / 1e9
    rows = "\n".join(f"{key} = {scores[key]:.{4 if 'ssim' in key else 2}f}" for key in SCORE_KEYS)
    return f"""name = "{path.stem}"
task = "super-resolution"
file = "{path.name}"
sha256 = "{hashlib.sha256(path.read_bytes()).hexdigest()}"
licence = "MIT OR Apache-2.0"
description = "Doubles the luma plane of live video: {len(kernels)} plain 3x3 convolutions, {kernels[0].shape[0]} channels."
scale = 2
parameters = {sum(array.size for array in weights)}
gflop_per_megapixel = {gigaflop:.1f}
receptive_margin = {2 * len(kernels)}

[input]
name = "input"
colour = "luma"
dtype = "f32"
space_to_depth = 2
mean = {MEAN}
range = 1.0
multiple = 2

[output]
name = "output"
depth_to_space = 4
skip = "nearest"

[scores]
{rows}
"""


def measure(path: Path, set5: Path, set14: Path) -> dict[str, float]:
    """Scores of the ONNX file and of bicubic."""
    scores: dict[str, float] = {}
    for prefix, upscale in (("", onnx_upscaler(path)), ("bicubic_", bicubic)):
        for name, folder in (("set5", set5), ("set14", set14)):
            quality, similarity = score(load_set(folder), upscale)
            scores[f"{prefix}{name}_psnr"] = quality
            scores[f"{prefix}{name}_ssim"] = similarity
    return scores


def main() -> None:
    """Write MODEL.onnx and MODEL.toml from a checkpoint."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--set5", type=Path, required=True, help="folder of high-resolution pictures")
    parser.add_argument("--set14", type=Path, required=True, help="folder of high-resolution pictures")
    parser.add_argument("--output", type=Path, required=True, help="the .onnx file to write")
    arguments = parser.parse_args()

    state = torch.load(arguments.checkpoint, map_location="cpu")
    network = LumaNet(state["channels"], state["middle"])
    network.load_state_dict(state["average"])
    weights = [tensor.detach().contiguous().numpy() for tensor in network.weights()]
    onnx.save(onnx_model(weights, arguments.output.stem), arguments.output)
    difference = largest_difference(network, arguments.output)
    if difference > TOLERANCE:
        raise SystemExit(f"the ONNX file differs from the network by {difference:.1e}")
    scores = measure(arguments.output, arguments.set5, arguments.set14)
    arguments.output.with_suffix(".toml").write_text(manifest(arguments.output, weights, scores))
    print(f"step {state['step']}, difference {difference:.1e}")
    print("\n".join(f"{key} {value:.4f}" for key, value in scores.items()))


if __name__ == "__main__":
    main()
