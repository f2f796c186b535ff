"""Checkpoint to ONNX file and manifest, checked against the network and scored."""

import argparse
import hashlib
from pathlib import Path

import numpy as np
import onnx
import torch

from .data import MEAN
from .evaluate import bicubic, load_set, onnx_upscaler, score
from .gradients import Network
from .graph import plain_model, quantised_model
from .network import LumaNet
from .quantised import QuantisedNet

TOLERANCE = 1e-5
"""Largest difference of a plain file from its network."""
CODES_TOLERANCE = 2
"""Largest difference of a quantised file, in steps of its output: sums that lie halfway round either way."""


def load_network(checkpoint: Path) -> Network:
    """The averaged network of a checkpoint."""
    state = torch.load(checkpoint, map_location="cpu")
    network: Network = LumaNet(state["channels"], state["middle"], state["scale"])
    if state["quantise"]:
        network = QuantisedNet(network, [1.0] * (state["middle"] + 2))
    network.load_state_dict(state["average"])
    return network.eval()


def write_model(network: Network, path: Path) -> list[np.ndarray]:
    """Write the ONNX file; returns kernels and biases in turn."""
    weights = [tensor.detach().contiguous().numpy() for tensor in network.weights()]
    if isinstance(network, QuantisedNet):
        *weights, steps = weights
        onnx.save(quantised_model(weights, steps, path.stem), path)
    else:
        onnx.save(plain_model(weights, path.stem), path)
    return weights


def check_model(network: Network, path: Path) -> float:
    """Largest absolute difference between network and file on random input; ends the program if it is too large."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    generator, worst = torch.Generator().manual_seed(1), 0.0
    for height, width in ((45, 80), (7, 33), (1, 1)):
        x = torch.randint(0, 256, (1, 4, height, width), generator=generator) / 255.0 - MEAN
        with torch.no_grad():
            expected = network(x).numpy()
        worst = max(worst, float(np.abs(session.run(["output"], {"input": x.numpy()})[0] - expected).max()))
    quantised = isinstance(network, QuantisedNet)
    allowed = CODES_TOLERANCE * float(network.weights()[-1][-1].detach()) * 1.001 if quantised else TOLERANCE
    if worst > allowed:
        raise SystemExit(f"the ONNX file differs from the network by {worst:.1e}, more than {allowed:.1e}")
    return worst


def manifest(path: Path, network: Network, weights: list[np.ndarray], text: dict[str, str], scores: dict) -> str:
    """The TOML text that describes an exported network."""
    kernels = weights[::2]
    scale = (network.network if isinstance(network, QuantisedNet) else network).scale
    gigaflop = 2 * sum(kernel.size for kernel in kernels) / 4 * 1e6 / 1e9
    # The scores of manifests are of enlargement.
    scores = {} if scale == 1 else scores
    rows = "".join(f"{key} = {value:.{4 if 'ssim' in key else 2}f}\n" for key, value in scores.items())
    table = f"\n[scores]\n{rows}" if rows else ""
    partner = f'detail = "{text["detail"]}"\n' if text["detail"] else ""
    return f"""name = "{path.stem}"
task = "{"denoise" if scale == 1 else "super-resolution"}"
file = "{path.name}"
sha256 = "{hashlib.sha256(path.read_bytes()).hexdigest()}"
licence = "MIT OR Apache-2.0"
description = "{text["description"]}"
scale = {scale}
{partner}parameters = {sum(array.size for array in weights)}
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
depth_to_space = {2 * scale}
skip = "nearest"
{table}"""


def measure(path: Path, scale: int, folders: dict[str, Path]) -> dict[str, float]:
    """Scores of the ONNX file and of bicubic, which at scale 1 is the noisy picture itself."""
    scores: dict[str, float] = {}
    for prefix, upscale in (("", onnx_upscaler(path, scale)), ("bicubic_", bicubic(scale))):
        for name, folder in folders.items():
            quality, similarity = score(load_set(folder, scale), upscale, scale)
            scores[f"{prefix}{name}_psnr"] = quality
            if not prefix:
                scores[f"{name}_ssim"] = similarity
    return scores


def main() -> None:
    """Write MODEL.onnx and MODEL.toml from a checkpoint."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--set5", type=Path, required=True, help="folder of high-resolution pictures")
    parser.add_argument("--set14", type=Path, required=True, help="folder of high-resolution pictures")
    parser.add_argument("--output", type=Path, required=True, help="the .onnx file to write")
    parser.add_argument("--description", required=True, help="one sentence for the manifest")
    parser.add_argument("--detail", default="", help="name of the network that --detail 1 stands for")
    arguments = parser.parse_args()

    network = load_network(arguments.checkpoint)
    weights = write_model(network, arguments.output)
    difference = check_model(network, arguments.output)
    scale = (network.network if isinstance(network, QuantisedNet) else network).scale
    scores = measure(arguments.output, scale, {"set5": arguments.set5, "set14": arguments.set14})
    text = {"description": arguments.description, "detail": arguments.detail}
    arguments.output.with_suffix(".toml").write_text(manifest(arguments.output, network, weights, text, scores))
    print(f"difference {difference:.1e}")
    print("\n".join(f"{key} {value:.4f}" for key, value in scores.items()))


if __name__ == "__main__":
    main()
