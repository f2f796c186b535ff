"""Checkpoint or ONNX file of a motion network to ONNX file and manifest, checked against the network, timed and scored."""

import argparse
import hashlib
import time
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from .motion_codes import coded_model, find_ranges
from .motion_graph import motion_model
from .motion_network import CHANNELS, DESIGNS, SEED, SEED_UNIT, TAU, Design, MotionNet
from .motion_score import TASKS, calibration, field_of_file, mean_scores, of_file

TOLERANCE = 2e-3
"""Largest difference of the file's displacements from its network's, in source pixels."""
CODED_TOLERANCE = 0.1
"""The same on average, of a file in 8 bits."""
SIZES = ((384, 640), (480, 864), (32, 32))
"""Heights and widths of sources that the file is checked at; the first, of 360 lines, is timed."""
RUNS = 60
COLUMNS = ("repeat", "blend", "classical", "plain", "gated", "causal", "bits")
"""See `ClipScore`."""


def load_network(checkpoint: Path) -> MotionNet:
    """The averaged network of a checkpoint."""
    state = torch.load(checkpoint, map_location="cpu")
    network = MotionNet(state.get("design", "live"), state["other_time"])
    network.load_state_dict(state["average"])
    return network.eval()


def load_file(path: Path, name: str, other_time: float) -> MotionNet:
    """The network of the design `name` that was exported to `path`."""
    made = onnx.load(path).graph.initializer
    if any(constant.data_type == onnx.TensorProto.INT8 for constant in made):
        raise SystemExit(f"{path} has codes of 8 bits: give the file in floats that it was made of")
    constants = {constant.name: torch.from_numpy(numpy_helper.to_array(constant).copy()) for constant in made}
    network = MotionNet(name, other_time)
    if "pattern" in constants:
        network.rest(max(level for level in network.design.levels if f"encode{level}.kernel" in constants))
        network.pattern = constants["pattern"]
    with torch.no_grad():
        for layer, convolution in network.layers.items():
            outputs, _, height, width = convolution.weight.shape
            convolution.weight.copy_(constants[f"{layer}.kernel"][:outputs, :, :height, :width])
            convolution.bias.copy_(constants[f"{layer}.bias"][:outputs])
    return network.eval()


def example(height: int, width: int, design: Design, seed: int) -> np.ndarray:
    """For a source of this size: a smooth random picture and the same moved by some cells, as network input."""
    random = torch.Generator().manual_seed(seed)
    height, width = height // design.shrink, width // design.shrink
    coarse = torch.rand(1, 12, height // 2 + 1, width // 2 + 1, generator=random) - 0.5
    frames = torch.zeros(1, CHANNELS, height, width)
    frames[:, :12] = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear")
    frames[:, 6:12] = frames[:, :6].roll((1, 2), (2, 3))
    frames[:, TAU] = 0.7
    frames[:, SEED : SEED + 2] = torch.tensor([3.0, 2.0]).view(1, 2, 1, 1) * design.shrink / SEED_UNIT
    return frames.numpy()


def check_model(network: MotionNet, path: Path, is_coded: bool) -> float:
    """Largest absolute difference between network and file at several sizes, the largest mean one of displacements if the file
    has 8 bits; ends the program if it is too large."""
    estimate, worst = of_file(path, network).field, 0.0
    allowed = CODED_TOLERANCE if is_coded else TOLERANCE
    for height, width in SIZES:
        frames = example(height, width, network.design, 1)
        with torch.no_grad():
            expected = network(torch.from_numpy(frames))[0].numpy()
        differences = np.abs(estimate(frames) - expected)
        worst = max(worst, float(differences[:, :4].mean() if is_coded else differences.max()))
    if worst > allowed:
        raise SystemExit(f"the ONNX file differs from the network by {worst:.1e}, more than {allowed:.1e}")
    return worst


def milliseconds(path: Path, design: Design) -> float:
    """The lower quartile of the time of one run on one thread at the first of SIZES."""
    estimate, frames, times = field_of_file(path), example(*SIZES[0], design, 2), []
    for _ in range(RUNS):
        start = time.perf_counter()
        estimate(frames)
        times.append(1e3 * (time.perf_counter() - start))
    return float(np.percentile(times, 25))


def gigaflop_per_megapixel(network: MotionNet) -> float:
    """Of the convolutions, per megapixel of the source; both frames go through the encoder."""
    total = 0.0
    for name, layer in network.layers.items():
        level = network.design.finest if name == "field" else int(name[-1])
        frames = 2 if name.startswith(("encode", "halve")) else 1
        total += frames * 2.0 * layer.weight.numel() / 4**level
    return total * 1e6 / 1e9


def manifest(path: Path, network: MotionNet, description: str, scores: dict[str, float]) -> str:
    """The TOML text that describes an exported network."""
    task = "prediction" if network.other_time < 0 else "interpolation"
    rows = "".join(f"{key} = {value:.2f}\n" for key, value in scores.items())
    table = f"\n[scores]\n{rows}" if rows else ""
    return f"""name = "{path.stem}"
task = "{task}"
file = "{path.name}"
sha256 = "{hashlib.sha256(path.read_bytes()).hexdigest()}"
licence = "MIT OR Apache-2.0"
description = "{description}"
scale = 1
receptive_margin = 0
shrink = {network.design.shrink}
parameters = {sum(parameter.numel() for parameter in network.parameters())}
gflop_per_megapixel = {gigaflop_per_megapixel(network):.1f}

[input]
name = "frames"
multiple = {network.multiple}

[output]
name = "field"
{table}"""


def measure(path: Path, network: MotionNet, folder: Path, limit: int | None) -> dict[str, float]:
    """Prints a table for each task that the network is for; returns the means. `limit` as in `score_clip`."""
    means: dict[str, float] = {}
    for task in ["next", "half-step"] if network.other_time < 0 else ["interpolation"]:
        scores = mean_scores(of_file(path, network), TASKS[task], folder, limit)
        print(f"\n{task:20s} " + "".join(f"{key:>10s}" for key in COLUMNS))
        for score in scores:
            print(f"{score.name:20s} " + "".join(f"{getattr(score, key):10.3f}" for key in COLUMNS))
        values = [float(np.mean([getattr(score, key) for score in scores])) for key in COLUMNS]
        means |= {f"{task.replace('-', '_')}_{key}": value for key, value in zip(COLUMNS, values)}
        print("mean                 " + "".join(f"{value:10.3f}" for value in values))
        print("predicted scale -> mean absolute error, in code values of 255")
        print("  ".join(f"{255 * scale:.1f} -> {255 * error:.1f}" for scale, error in calibration(scores)))
    return means


def main() -> None:
    """Write MODEL.onnx and MODEL.toml from a checkpoint."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--checkpoint", type=Path)
    source.add_argument("--weights", type=Path, help="an exported .onnx file instead of a checkpoint")
    parser.add_argument("--design", default="live", choices=DESIGNS, help="of --weights")
    parser.add_argument("--interpolate", action="store_true", help="--weights are of a network for frames between two")
    parser.add_argument("--awake", type=int, help="leave out coarser levels, whose last hidden layers are nearly always zero")
    parser.add_argument("--codes", type=Path, help="write 8-bit codes, with ranges of this folder of clips (video files)")
    parser.add_argument("--dev", type=Path, help="folder of clips (folders of frames) to score on; default: no scores")
    parser.add_argument("--limit", type=int, help="score that many frames of each clip only; default: all")
    parser.add_argument("--output", type=Path, required=True, help="the .onnx file to write")
    parser.add_argument("--description", required=True, help="one sentence for the manifest")
    arguments = parser.parse_args()

    if arguments.checkpoint:
        network = load_network(arguments.checkpoint)
    else:
        network = load_file(arguments.weights, arguments.design, 1.0 if arguments.interpolate else -1.0)
    network.rest(network.awake if arguments.awake is None else arguments.awake)
    name, is_coded = arguments.output.stem, arguments.codes is not None
    model = coded_model(network, find_ranges(network, arguments.codes), name) if is_coded else motion_model(network, name)
    onnx.save(model, arguments.output)
    difference = check_model(network, arguments.output, is_coded)
    time_taken = milliseconds(arguments.output, network.design)
    print(f"difference {difference:.1e}, {time_taken:.1f} ms for {SIZES[0][1]} x {SIZES[0][0]} pixels")
    scores = measure(arguments.output, network, arguments.dev, arguments.limit) if arguments.dev else {}
    text = manifest(arguments.output, network, arguments.description, scores)
    arguments.output.with_suffix(".toml").write_text(text)


if __name__ == "__main__":
    main()
