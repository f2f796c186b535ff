"""ONNX graphs of motion networks, for any size of the input; each picture is sampled with four Gathers of whole cells."""

import numpy as np
import onnx
from onnx import TensorProto, helper

from .graph import Graph
from .motion_network import CHANNELS, FIELD, VARIANCE_FLOOR, MotionNet, estimate


class GraphOperations:
    """The operations as nodes; tensors are names of values with a batch of 1, or 2 after `stack`."""

    def __init__(self, graph: Graph, network: MotionNet) -> None:
        """Nodes go to `graph`, weights come from `network`."""
        self.graph, self.network = graph, network
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

    def slice(self, x: str, axes: list[int], starts: list[int], ends: list[int | str], steps: list[int]) -> str:
        """Part of `x`."""
        ports = [self.value(part, np.int64) for part in (starts, ends, axes, steps)]
        return self.node("Slice", [x, *ports])

    def layer(self, name: str, x: str) -> str:
        layer = self.network.layers[name]
        constants = [self.graph.constant(f"{name}.{part}", tensor.detach().contiguous().numpy())
                     for part, tensor in (("kernel", layer.weight), ("bias", layer.bias))]
        made = self.node("Conv", [x, *constants], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=list(layer.stride))
        return made if self.network.linear[name] else self.node("Relu", [made])

    def join(self, parts: list[str]) -> str:
        return self.node("Concat", parts, axis=1)

    def channels(self, x: str, first: int, last: int) -> str:
        return self.slice(x, [1], [first], [last], [1])

    def stack(self, a: str, b: str) -> str:
        return self.node("Concat", [a, b], axis=0)

    def unstack(self, x: str) -> tuple[str, str]:
        return self.slice(x, [0], [0], [1], [1]), self.slice(x, [0], [1], [2], [1])

    def every(self, x: str, step: int) -> str:
        return x if step == 1 else self.slice(x, [2, 3], [0, 0], [np.iinfo(np.int64).max] * 2, [step, step])

    def corner(self, x: str) -> str:
        return self.slice(x, [2, 3], [0, 0], [1, 1], [1, 1])

    def affine(self, x: str, factor: float, offset: float) -> str:
        if factor != 1.0:
            x = self.node("Mul", [x, self.value(factor, np.float32)])
        return self.node("Add", [x, self.value(offset, np.float32)]) if offset != 0.0 else x

    def times(self, x: str, y: str) -> str:
        return self.node("Mul", [x, y])

    def plus(self, x: str, y: str) -> str:
        return self.node("Add", [x, y])

    def finer(self, x: str) -> str:
        return self.node("DepthToSpace", [x], blocksize=2, mode="CRD")

    def shrunk(self, x: str) -> str:
        return self.node("AveragePool", [x], kernel_shape=[2, 2], strides=[2, 2])

    def enlarged(self, x: str) -> str:
        return self.node("Resize", [x, "", self.value([1, 1, 2, 2], np.float32)], mode="linear")

    def warped(self, x: str, flow: str) -> str:
        places, weights = self._taps(flow)
        cells = self.node("Reshape", [self.node("Transpose", [x], perm=[0, 2, 3, 1]), self._shape_of_cells(x)])
        # Weighting is fast where the innermost axis is long, so cells go back to planes first.
        taps = (self.node("Transpose", [self.node("Gather", [cells, place], axis=0)], perm=[0, 3, 1, 2]) for place in places)
        parts = [self.times(tap, weight) for tap, weight in zip(taps, weights)]
        return self.plus(self.plus(parts[0], parts[1]), self.plus(parts[2], parts[3]))

    def standardised(self, x: str, channels: int) -> str:
        cells = self.node("Transpose", [x], perm=[0, 2, 3, 1])
        ones = self.value(np.ones(channels), np.float32)
        made = self.node("LayerNormalization", [cells, ones], axis=-1, epsilon=VARIANCE_FLOOR)
        return self.node("Transpose", [made], perm=[0, 3, 1, 2])

    def correlated(self, a: str, b: str, radius: int) -> str:
        side = 2 * radius + 1
        padded = self.node("Pad", [b, self.value([0, 0, radius, radius] * 2, np.int64)])

        def shifted(x: str, axis: int, shift: int) -> str:
            end = shift - 2 * radius
            return self.slice(x, [axis], [shift], [end if end < 0 else np.iinfo(np.int64).max], [1])

        rows = self.node("Concat", [shifted(padded, 2, dy) for dy in range(side)], axis=0)
        columns = []
        for dx in range(side):
            product = self.times(a, shifted(rows, 3, dx))
            columns.append(self.node("ReduceMean", [product], axes=[1], keepdims=1))
        both = self.node("Concat", columns, axis=1)
        height, width = self._sides(a)
        shape = self.node("Concat", [self.value([1, side * side], np.int64), height, width], axis=0)
        return self.node("Reshape", [both, shape])

    def _sides(self, x: str) -> tuple[str, str]:
        """Height and width as int64 [1]."""
        shape = self.node("Shape", [x])
        return self.slice(shape, [0], [2], [3], [1]), self.slice(shape, [0], [3], [4], [1])

    def _shape_of_cells(self, x: str) -> str:
        """[height * width, channels]."""
        height, width = self._sides(x)
        return self.node("Concat", [self.times(height, width), self.value([-1], np.int64)], axis=0)

    def _taps(self, flow: str) -> tuple[list[str], list[str]]:
        """Indices [1, height, width] and weights [1, 1, height, width] of the four cells around each place."""
        plane = self.value([1], np.int64)
        corners, fractions = [], []
        for axis, side in zip((0, 1), reversed(self._sides(flow))):
            scalar = self.node("Squeeze", [side])
            ramp = self.node("Range", [self.value(0, np.int64), scalar, self.value(1, np.int64)])
            ramp = self.node("Cast", [ramp], to=TensorProto.FLOAT)
            ramp = self.node("Reshape", [ramp, self.value([1, 1, 1, -1] if axis == 0 else [1, 1, -1, 1], np.int64)])
            last = self.affine(self.node("Cast", [scalar], to=TensorProto.FLOAT), 1.0, -1.0)
            place = self.plus(self.channels(flow, axis, axis + 1), ramp)
            place = self.node("Min", [self.node("Max", [place, self.value(0, np.float32)]), last])
            low = self.node("Floor", [place])
            corners.append((low, self.node("Min", [self.affine(low, 1.0, 1.0), last])))
            high_weight = self.node("Sub", [place, low])
            fractions.append((self.affine(high_weight, -1.0, 1.0), high_weight))
        width = self.node("Cast", [self.node("Squeeze", [self._sides(flow)[1]])], to=TensorProto.FLOAT)
        places, weights = [], []
        for row, row_weight in zip(corners[1], fractions[1]):
            start = self.times(row, width)
            for cell, cell_weight in zip(corners[0], fractions[0]):
                # Exact in single precision up to 2^24 cells.
                index = self.node("Cast", [self.plus(start, cell)], to=TensorProto.INT32)
                places.append(self.node("Squeeze", [index, plane]))
                weights.append(self.times(row_weight, cell_weight))
        return places, weights


def motion_model(network: MotionNet, name: str) -> onnx.ModelProto:
    """The checked model of `frames` [1, 16, h, w] to `field` [1, 8, h, w]."""
    graph = Graph()
    field, _ = estimate(GraphOperations(graph, network), network.design, "frames", network.other_time)
    graph.node("Identity", [field], "field")
    return graph.model(name, CHANNELS, FIELD, "frames", "field")
