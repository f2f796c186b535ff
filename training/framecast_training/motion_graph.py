"""ONNX graphs of motion networks, for any size of the input.

What is no convolution is written for ONNX Runtime's kernels on the processor: starting a node and copying a row of memory cost
more than arithmetic there. So both frames are warped at once, by gathering whole cells, and all else is done on planes.
"""

from collections.abc import Callable

import numpy as np
import onnx
from onnx import TensorProto

from .graph import Graph
from .motion_network import CHANNELS, FIELD, VARIANCE_FLOOR, MotionNet, estimate

END = np.iinfo(np.int64).max
BLOCK = 4
"""Side of the blocks of cells that are correlated in one matrix product with all that lie around them."""


class GraphOperations:
    """The operations as nodes; tensors are names of values with a batch of 1, or 2 after `halves`."""

    def __init__(self, graph: Graph, network: MotionNet, frames: str) -> None:
        """Nodes go to `graph`, weights come from `network`; `frames` is the input."""
        self.graph, self.network, self.frames = graph, network, frames
        self.made = 0
        self.known: dict[tuple, str] = {}

    def node(self, kind: str, inputs: list[str], **attributes: object) -> str:
        """Add a node; equal ones are made once."""
        key = (kind, tuple(inputs), repr(sorted(attributes.items())))
        if key not in self.known:
            self.made += 1
            self.known[key] = self.graph.node(kind, inputs, f"{kind.lower()}{self.made}", **attributes)
        return self.known[key]

    def value(self, array: object, kind: type) -> str:
        """A constant."""
        array = np.asarray(array, kind)
        key = ("constant", kind, array.shape, array.tobytes())
        if key not in self.known:
            self.made += 1
            self.known[key] = self.graph.constant(f"constant{self.made}", array)
        return self.known[key]

    def slice(
        self, x: str, axes: list[int], starts: list[int], ends: list[int] | str, steps: list[int] | None = None
    ) -> str:
        """Part of `x`; `ends` may be a value."""
        ends = ends if isinstance(ends, str) else self.value(ends, np.int64)
        ports = [self.value(starts, np.int64), ends, self.value(axes, np.int64)]
        return self.node("Slice", [x, *ports, *([self.value(steps, np.int64)] if steps else [])])

    def reshaped(self, x: str, *shape: int | str) -> str:
        """`x` in another shape: 0 is the size that it has there; values [1] are allowed."""
        if all(isinstance(side, int) for side in shape):
            return self.node("Reshape", [x, self.value(shape, np.int64)])
        sides = [side if isinstance(side, str) else self.value([side], np.int64) for side in shape]
        return self.node("Reshape", [x, self.node("Concat", sides, axis=0)])

    def transposed(self, x: str, *axes: int) -> str:
        return self.node("Transpose", [x], perm=list(axes))

    def layer(self, name: str, x: str) -> str:
        kernel, bias = self._weights(name)
        if name != "field":
            strides = list(self.network.layers[name].stride)
            return self._convolved(name, x, kernel, bias, kernel_shape=[3, 3], strides=strides)
        # Kernels of ONNX Runtime are at their best from 16 channels on, so it makes two columns at once.
        count = kernel.shape[0]
        both = [np.pad(kernel, ((0, 0), (0, 0), (0, 0), (column, 1 - column))) for column in (0, 1)]
        kernel, bias = np.concatenate(both), np.tile(bias, 2)
        made = self._convolved(name, x, kernel, bias, kernel_shape=[3, 4], strides=[1, 2])
        cells = self.reshaped(self.transposed(made, 0, 2, 3, 1), 1, -1, count)
        return self.reshaped(self.transposed(cells, 0, 2, 1), 1, count, self._sides(self.frames))

    def finer(self, name: str, x: str) -> str:
        # DepthToSpace takes four times as long.
        x = self.layer(name, x)
        count, sides = self.network.layers[name].weight.shape[0] // 4, self._sides(x)
        height, width = (self.slice(sides, [0], [axis], [axis + 1]) for axis in (0, 1))
        rows = self.transposed(self.reshaped(x, 2 * count, 2, -1), 0, 2, 1)
        cells = self.transposed(self.reshaped(rows, count, 2, height, -1), 0, 2, 1, 3)
        return self.reshaped(cells, 1, count, -1, self.times(width, self.value([2], np.int64)))

    def resting(self, like: str) -> str:
        pattern = self.network.pattern.numpy()
        channels, period = pattern.shape[:2]
        sides, repeats = self._sides(like), []
        for axis in (0, 1):
            side = self.plus(self.slice(sides, [0], [axis], [axis + 1]), self.value([period - 1], np.int64))
            repeats.append(self.node("Div", [side, self.value([period], np.int64)]))
        pattern = self.reshaped(self.graph.constant("pattern", pattern), channels, 1, period, 1, period)
        one, part = self.value([1], np.int64), self.value([period], np.int64)
        whole = self.node("Concat", [one, repeats[0], part, repeats[1], part], axis=0)
        large = [self.times(repeat, part) for repeat in repeats]
        return self.slice(self.reshaped(self.node("Expand", [pattern, whole]), 1, channels, *large), [2, 3], [0, 0], sides)

    def join(self, parts: list[str]) -> str:
        return self.node("Concat", parts, axis=1)

    def channels(self, x: str, first: int, last: int) -> str:
        return self.slice(x, [1], [first], [last])

    def halves(self, x: str) -> str:
        return self.reshaped(x, 2, -1, 0, 0)

    def paired(self, x: str) -> str:
        return self.reshaped(x, 1, -1, 0, 0)

    def unstack(self, x: str) -> tuple[str, str]:
        return self.slice(x, [0], [0], [1]), self.slice(x, [0], [1], [2])

    def every(self, x: str, step: int) -> str:
        return x if step == 1 else self.slice(x, [2, 3], [0, 0], [END, END], [step, step])

    def corner(self, x: str) -> str:
        return self.slice(x, [2, 3], [0, 0], [1, 1])

    def affine(self, x: str, factor: float, offset: float) -> str:
        if factor != 1.0:
            x = self.node("Mul", [x, self.value(factor, np.float32)])
        return self.node("Add", [x, self.value(offset, np.float32)]) if offset != 0.0 else x

    def times(self, x: str, y: str) -> str:
        return self.node("Mul", [x, y])

    def times_each(self, x: str, y: str) -> str:
        return self.times(x, y)

    def plus(self, x: str, y: str) -> str:
        return self.node("Add", [x, y])

    def shrunk(self, x: str) -> str:
        return self.node("AveragePool", [x], kernel_shape=[2, 2], strides=[2, 2])

    def enlarged(self, x: str) -> str:
        return self.node("Resize", [x, "", self.value([1, 1, 2, 2], np.float32)], mode="linear")

    def warped(self, x: str, flow: str, channels: int) -> str:
        # A cell and the one to its right are copied at once: most of the cost is one of copies, not of bytes.
        right = self.node("Pad", [x, self.value([0, 0, 0, -1, 0, 0, 0, 1], np.int64)])
        cells = self.reshaped(self.transposed(self.join([x, right]), 0, 2, 3, 1), -1, 2 * channels)
        parts = []
        for place, weight in zip(*self._taps(flow)):
            # Weighting is fast where the innermost axis is long, so cells go back to planes first.
            tap = self.values_of(self.transposed(self.node("Gather", [cells, place], axis=0), 0, 2, 1), x)
            parts.append(self.times(self.reshaped(tap, 2, 2, channels, -1), weight))
        made = self.node("ReduceSum", [self.plus(*parts), self.value([1], np.int64)], keepdims=0)
        shape = self.node("Concat", [self.value([2, channels], np.int64), self._sides(flow)], axis=0)
        return self.node("Reshape", [made, shape])

    def standardised(self, x: str, channels: int) -> str:
        # In planes this takes half of LayerNormalization's time, whose cost is one of cells.
        centred = self.node("Sub", [x, self.node("ReduceMean", [x], axes=[1])])
        variance = self.node("ReduceMean", [self.times(centred, centred)], axes=[1])
        return self.node("Div", [centred, self.node("Sqrt", [self.affine(variance, 1.0, VARIANCE_FLOOR)])])

    def correlated(self, a: str, b: str, channels: int, radius: int) -> str:
        # Of the products of all cells of a block of `a` with all around it in `b`, those within the radius are kept.
        side, wide, area = 2 * radius + 1, BLOCK + 2 * radius, BLOCK * BLOCK
        sides, margin = self._sides(a), BLOCK - 1
        starts, counts = [], []
        for axis in (0, 1):
            length = self.node("Gather", [sides, self.value(axis, np.int64)])
            starts.append(self.node("Range", [self.value(0, np.int64), length, self.value(BLOCK, np.int64)]))
            counts.append(self.node("Shape", [starts[axis]]))
        whole = self.times(self.node("Concat", counts, axis=0), self.value(BLOCK, np.int64))
        blocks = self.node("Pad", [a, self.value([0, 0, 0, 0, 0, 0, margin, margin], np.int64)])
        blocks = self.reshaped(self.slice(blocks, [2, 3], [0, 0], whole), -1, counts[0], BLOCK, counts[1], BLOCK)
        blocks = self.reshaped(self.transposed(blocks, 1, 3, 0, 2, 4), 0, 0, 0, area)

        pads = [0, 0, radius, radius, 0, 0, radius + margin, radius + margin]
        around = self.transposed(self.node("Pad", [b, self.value(pads, np.int64)]), 0, 2, 3, 1)
        stride = self.plus(self.slice(sides, [0], [1], [2]), self.value([2 * radius + margin], np.int64))
        within = self.value(np.arange(wide), np.int64)
        rows = self.plus(self.reshaped(starts[0], -1, 1, 1), self.reshaped(within, -1, 1))
        columns = self.plus(self.reshaped(starts[1], -1, 1, 1), within)
        rows = self.reshaped(self.times(rows, stride), -1, 1, wide, 1)
        places = self.reshaped(self.plus(rows, columns), 0, 0, -1)
        around = self.node("Gather", [self.reshaped(around, -1, channels), places], axis=0)

        # Whole planes are kept and left out at once.
        planes = self.transposed(self.reshaped(self.node("MatMul", [around, blocks]), 1, -1, wide * wide * area), 0, 2, 1)
        tap, cell = np.arange(side), np.arange(BLOCK)
        y, x = cell.reshape(-1, 1) + tap.reshape(-1, 1, 1, 1), cell + tap.reshape(-1, 1, 1)
        kept = (y * wide + x) * area + cell.reshape(-1, 1) * BLOCK + cell
        near = self.node("Gather", [planes, self.value(kept.reshape(-1), np.int64)], axis=1)
        near = self.transposed(self.reshaped(near, side * side * BLOCK, BLOCK, *counts), 0, 2, 3, 1)
        near = self.transposed(self.reshaped(near, side * side, BLOCK, counts[0], -1), 0, 2, 1, 3)
        near = self.reshaped(near, 1, side * side, self.slice(whole, [0], [0], [1]), -1)
        return self.affine(self.slice(near, [2, 3], [0, 0], sides), 1.0 / channels, 0.0)

    def values_of(self, part: str, whole: str) -> str:
        """What `part`, which holds elements of `whole`, stands for."""
        return part

    def _weights(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Kernel and bias."""
        layer = self.network.layers[name]
        return layer.weight.detach().numpy(), layer.bias.detach().numpy()

    def _constants(self, name: str, kernel: np.ndarray, bias: np.ndarray) -> list[str]:
        return [self.graph.constant(f"{name}.{part}", array) for part, array in (("kernel", kernel), ("bias", bias))]

    def _convolved(self, name: str, x: str, kernel: np.ndarray, bias: np.ndarray, **attributes: list[int]) -> str:
        constants = self._constants(name, kernel, bias)
        made = self.node("Conv", [x, *constants], pads=[1, 1, 1, 1], **attributes)
        return made if self.network.linear[name] else self.node("Relu", [made])

    def _sides(self, x: str) -> str:
        """Height and width as int64 [2]."""
        return self.slice(self.node("Shape", [x]), [0], [2], [4])

    def _ramp(self) -> str:
        """Column and row of each of the input's cells [1, 2, height, width]."""
        sides, planes = self._sides(self.frames), []
        whole = self.node("Concat", [self.value([1, 1], np.int64), sides], axis=0)
        for axis, shape in ((1, (1, 1, 1, -1)), (0, (1, 1, -1, 1))):
            side = self.node("Gather", [sides, self.value(axis, np.int64)])
            ramp = self.node("Range", [self.value(0, np.int64), side, self.value(1, np.int64)])
            ramp = self.reshaped(self.node("Cast", [ramp], to=TensorProto.FLOAT), *shape)
            planes.append(self.node("Expand", [ramp, whole]))
        return self.join(planes)

    def _taps(self, flow: str) -> tuple[list[str], list[str]]:
        """For the upper and for the lower pair of the four cells around each place in the batch's halves: indices [2, cells] of
        the left one, and the weights [2, 2, 1, cells] of left and right."""
        ramp = self.slice(self._ramp(), [2, 3], [0, 0], self._sides(flow))
        last = self.reshaped(self.slice(ramp, [2, 3], [-1, -1], [END, END]), 1, 2, 1)
        place = self.reshaped(self.plus(flow, ramp), 2, 2, -1)
        # The next cell lies one further, but for pictures of one row or column.
        step = self.node("Min", [last, self.value(1, np.float32)])
        place = self.node("Min", [self.node("Max", [place, self.value(0, np.float32)]), last])
        low = self.node("Min", [self.node("Floor", [place]), self.node("Sub", [last, step])])
        high_weight = self.node("Sub", [place, low])
        low_weight = self.node("Sub", [self.value(1, np.float32), high_weight])

        width, height = (self.affine(self.channels(last, axis, axis + 1), 1.0, 1.0) for axis in (0, 1))
        strides = self.join([self.value(np.ones((1, 1, 1)), np.float32), width])
        first = self.node("ReduceSum", [self.times(low, strides), self.value([1], np.int64)], keepdims=0)
        halves = self.times(self.value([[0], [1]], np.float32), self.reshaped(self.times(width, height), 1, 1))
        # Exact in single precision up to 2^24 cells.
        upper = self.node("Cast", [self.plus(first, halves)], to=TensorProto.INT32)
        down = self.times(width, self.channels(step, 1, 2))
        lower = self.plus(upper, self.reshaped(self.node("Cast", [down], to=TensorProto.INT32), 1, 1))
        columns = self.join([self.channels(x, 0, 1) for x in (low_weight, high_weight)])
        rows = (self.channels(x, 1, 2) for x in (low_weight, high_weight))
        return [upper, lower], [self.reshaped(self.times(row, columns), 2, 2, 1, -1) for row in rows]


def motion_model(network: MotionNet, name: str) -> onnx.ModelProto:
    """The checked model of `frames` [1, 16, h, w] to `field` [1, 8, h, w]."""
    return finished_model(lambda graph: GraphOperations(graph, network, "frames"), network, name)


def finished_model(
    operations: Callable[[Graph], GraphOperations], network: MotionNet, name: str
) -> onnx.ModelProto:
    """The checked model that is made by such operations on a graph."""
    graph = Graph()
    field, _ = estimate(operations(graph), network.design, "frames", network.other_time, network.awake)
    graph.node("Identity", [field], "field")
    return graph.model(name, CHANNELS, FIELD, "frames", "field")
