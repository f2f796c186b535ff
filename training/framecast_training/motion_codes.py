"""8-bit motion networks: the steps of their codes, from the ranges that values have in clips, and their nodes.

Convolutions but the first one compute with codes: activations of 8 bits, weights of 7 per output channel, as in `quantised`.
Places, weights of samples and correlations stay in floats.
"""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import onnx
import torch

from .graph import Graph
from .motion_field import classical_flow, network_input
from .motion_graph import GraphOperations, finished_model
from .motion_network import MotionNet, TorchOperations, estimate, traced
from .motion_score import CLASSICAL, codes, shrunk
from .quantised import ACTIVATION_CODES, WEIGHT_CODES

SIGNED_ZERO = 128
"""Code of zero in activations that may be negative; padding is zero."""
SIGNED_CODES = 127
SHARE = 0.9999
"""Of the values of a channel of one picture; those beyond may be clipped."""
TAUS = (0.5, 1.0)
PARTS = (1 / 3, 2 / 3)
"""Where in a clip pairs of frames are taken."""
SOURCE = (640, 352)
"""Width and height of the pictures that ranges are found with."""
SMALLEST = 1e-6
"""Step of a channel that is always zero."""

Ranges = dict[str, tuple[np.ndarray, np.ndarray]]
"""Sizes that the values of each input and output channel of a layer seldom exceed."""


def pairs(folder: Path) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Frames that follow each other [1, 3, h, w], of all clips in a folder."""
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        clip = cv2.VideoCapture(str(path))
        for part in PARTS:
            clip.set(cv2.CAP_PROP_POS_FRAMES, int(part * clip.get(cv2.CAP_PROP_FRAME_COUNT)))
            read = [clip.read() for _ in range(2)]
            if all(is_read for is_read, _ in read):
                small = (cv2.resize(frame, SOURCE, interpolation=cv2.INTER_AREA)[:, :, ::-1].copy() for _, frame in read)
                earlier, later = (torch.from_numpy(frame).permute(2, 0, 1)[None].float() / 255.0 for frame in small)
                yield earlier, later


class Recorder(TorchOperations):
    """Computes in PyTorch and keeps the sizes of what convolutions see and give."""

    def __init__(self, network: MotionNet) -> None:
        super().__init__(network.layers, network.linear, network.pattern, torch.float32)
        self.ranges: Ranges = {}

    def layer(self, name: str, x: torch.Tensor) -> torch.Tensor:
        made = super().layer(name, x)
        sizes = self._sizes(x), self._sizes(made)
        if name in self.ranges:
            sizes = tuple(np.maximum(*pair) for pair in zip(sizes, self.ranges[name]))
        self.ranges[name] = sizes
        return made

    def _sizes(self, x: torch.Tensor) -> np.ndarray:
        values = x.abs().transpose(0, 1).flatten(1)
        return values.kthvalue(int(np.ceil(SHARE * values.shape[1])), 1).values.numpy()


def find_ranges(network: MotionNet, folder: Path) -> Ranges:
    """With the clips in a folder."""
    recorder, design, other_time = Recorder(network), network.design, network.other_time
    for earlier, later in pairs(folder):
        first, other = (shrunk(picture, design) for picture in ((later, earlier) if other_time < 0 else (earlier, later)))
        flow = torch.from_numpy(classical_flow(codes(first), codes(other), design.shrink, CLASSICAL)).unsqueeze(0)
        for tau in TAUS:
            frames = traced(network_input(first, other, torch.tensor([tau]), flow), design, other_time)
            with torch.no_grad():
                estimate(recorder, design, frames, other_time, network.awake)
    if not recorder.ranges:
        raise SystemExit(f"no clip in {folder} can be read: give a folder of video files")
    return recorder.ranges


class CodedOperations(GraphOperations):
    """The operations as nodes, coded layers between QuantizeLinear and DequantizeLinear. What they give stays codes as long as
    it is only copied."""

    def __init__(self, graph: Graph, network: MotionNet, frames: str, ranges: Ranges) -> None:
        super().__init__(graph, network, frames)
        self.ranges = ranges
        self.coded: dict[str, np.float32] = {}
        """Steps of values that are unsigned codes."""

    def layer(self, name: str, x: str) -> str:
        made = super().layer(name, x)
        return self._signed_values(made, name, 1) if name == "field" else made

    def finer(self, name: str, x: str) -> str:
        return self._signed_values(super().finer(name, x), name, 4)

    def channels(self, x: str, first: int, last: int) -> str:
        made = super().channels(x, first, last)
        if x in self.coded:
            self.coded[made] = self.coded[x]
        return made

    def standardised(self, x: str, channels: int) -> str:
        return super().standardised(self.values_of(x, x), channels)

    def values_of(self, part: str, whole: str) -> str:
        return self._dequantised(part, self.coded[whole], 0) if whole in self.coded else part

    def _convolved(self, name: str, x: str, kernel: np.ndarray, bias: np.ndarray, **attributes: list[int]) -> str:
        if name == f"encode{self.network.design.finest}":
            # With so few channels floats are faster.
            return super()._convolved(name, x, kernel, bias, **attributes)
        sizes_in, sizes_out = self.ranges[name]
        if x in self.coded:
            step_in, x = self.coded[x], self.values_of(x, x)
        else:
            # Each channel has a step of its own, which the kernel takes up.
            steps, step_in = signed_steps(sizes_in), np.float32(1.0)
            kernel = kernel * steps.reshape(1, -1, 1, 1)
            x = self._dequantised(self.node("QuantizeLinear", [x, *self._signed(steps)], axis=1), step_in, SIGNED_ZERO)
        is_linear = self.network.linear[name]
        if is_linear:
            each = signed_steps(np.resize(self._sizes_of_groups(name), len(bias)))
            kernel, bias = kernel / each.reshape(-1, 1, 1, 1), bias / each
        steps = (np.maximum(np.abs(kernel).max(axis=(1, 2, 3)), 1e-8) / WEIGHT_CODES).astype(np.float32)
        codes, sums = np.round(kernel / steps.reshape(-1, 1, 1, 1)), np.round(bias / (step_in * steps))
        constants = self._constants(name, codes.astype(np.int8), sums.astype(np.int32))
        ports = [
            self.node("DequantizeLinear", [constant, self.value(of, np.float32)], axis=0)
            for constant, of in zip(constants, (steps, step_in * steps))
        ]
        made = self.node("Conv", [x, *ports], pads=[1, 1, 1, 1], **attributes)
        if is_linear:
            return self.node("QuantizeLinear", [made, *self._port(np.float32(1.0), SIGNED_ZERO)])
        # Unsigned codes are the ReLU.
        step = np.float32(max(sizes_out.max() / ACTIVATION_CODES, SMALLEST))
        made = self.node("QuantizeLinear", [made, *self._port(step, 0)])
        self.coded[made] = step
        return made

    def _signed_values(self, x: str, name: str, group: int) -> str:
        return self.node("DequantizeLinear", [x, *self._signed(signed_steps(self._sizes_of_groups(name)[::group]))], axis=1)

    def _sizes_of_groups(self, name: str) -> np.ndarray:
        """The sizes of what a linear layer gives: one for all four that become one channel."""
        sizes = self.ranges[name][1]
        return sizes if name == "field" else np.repeat(sizes.reshape(-1, 4).max(1), 4)

    def _signed(self, steps: np.ndarray) -> list[str]:
        return [self.value(steps, np.float32), self.value(np.full(len(steps), SIGNED_ZERO), np.uint8)]

    def _port(self, step: np.float32, zero: int) -> list[str]:
        return [self.value(step, np.float32), self.value(zero, np.uint8)]

    def _dequantised(self, x: str, step: np.float32, zero: int) -> str:
        return self.node("DequantizeLinear", [x, *self._port(step, zero)])


def signed_steps(sizes: np.ndarray) -> np.ndarray:
    """Of signed codes."""
    return np.maximum(sizes / SIGNED_CODES, SMALLEST).astype(np.float32)


def coded_model(network: MotionNet, ranges: Ranges, name: str) -> onnx.ModelProto:
    """As `motion_model`, in 8 bits."""
    return finished_model(lambda graph: CodedOperations(graph, network, "frames", ranges), network, name)
