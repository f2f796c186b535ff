"""ONNX graphs of trained networks: plain, and with 8-bit rounding as QuantizeLinear and DequantizeLinear nodes."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .quantised import INPUT_SCALE, INPUT_ZERO, OUTPUT_ZERO, WEIGHT_CODES

OPSET = 17


class Graph:
    """Nodes and constants in the making."""

    def __init__(self) -> None:
        """An empty graph."""
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, array: np.ndarray) -> str:
        """Add a constant; returns its name."""
        self.constants.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes: object) -> str:
        """Add a node with one output; returns that output's name."""
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def convolution(self, inputs: list[str], output: str) -> str:
        """Add a 3x3 convolution that keeps the size."""
        return self.node("Conv", inputs, output, kernel_shape=[3, 3], pads=[1, 1, 1, 1])

    def model(
        self, name: str, inputs: int, outputs: int, source: str = "input", result: str = "output"
    ) -> onnx.ModelProto:
        """The checked model with input `source` [1, inputs, h, w] and output `result` [1, outputs, h, w]."""
        ports = [
            helper.make_tensor_value_info(port, TensorProto.FLOAT, [1, channels, "h", "w"])
            for port, channels in ((source, inputs), (result, outputs))
        ]
        graph = helper.make_graph(self.nodes, name, ports[:1], ports[1:], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="framecast")
        model.ir_version = 8
        onnx.checker.check_model(model, full_check=True)
        return model


def plain_model(weights: list[np.ndarray], name: str) -> onnx.ModelProto:
    """Convolutions with ReLU between them; `weights` are kernel, bias, kernel, bias, ..."""
    graph, tensor, layers = Graph(), "input", list(zip(weights[::2], weights[1::2]))
    for index, (kernel, bias) in enumerate(layers):
        constants = [graph.constant(f"kernel{index}", kernel), graph.constant(f"bias{index}", bias)]
        if index == len(layers) - 1:
            graph.convolution([tensor, *constants], "output")
        else:
            convolved = graph.convolution([tensor, *constants], f"conv{index}")
            tensor = graph.node("Relu", [convolved], f"relu{index}")
    return graph.model(name, weights[0].shape[1], weights[-1].shape[0])


def quantised_model(weights: list[np.ndarray], steps: np.ndarray, name: str) -> onnx.ModelProto:
    """The same with rounding; `steps` are those of each layer's output. Quantising to unsigned codes is the ReLU."""
    graph, layers = Graph(), list(zip(weights[::2], weights[1::2]))

    def rounded(tensor: str, label: str, step: float, zero: int, output: str) -> str:
        port = [graph.constant(f"step_{label}", np.float32(step)), graph.constant(f"zero_{label}", np.uint8(zero))]
        codes = graph.node("QuantizeLinear", [tensor, *port], f"codes_{label}")
        return graph.node("DequantizeLinear", [codes, *port], output)

    tensor, step_in = rounded("input", "input", INPUT_SCALE, INPUT_ZERO, "rounded_input"), np.float32(INPUT_SCALE)
    for index, (kernel, bias) in enumerate(layers):
        scales = (np.maximum(np.abs(kernel).max(axis=(1, 2, 3)), 1e-8) / WEIGHT_CODES).astype(np.float32)
        codes = np.round(kernel / scales[:, None, None, None]).astype(np.int8)
        sums = np.round(bias / (step_in * scales)).astype(np.int32)
        constants = []
        for label, array, steps_of in (("kernel", codes, scales), ("bias", sums, step_in * scales)):
            ports = [graph.constant(f"{label}{index}_codes", array), graph.constant(f"{label}{index}_steps", steps_of)]
            constants.append(graph.node("DequantizeLinear", ports, f"{label}{index}", axis=0))
        convolved = graph.convolution([tensor, *constants], f"conv{index}")
        last = index == len(layers) - 1
        zero, output = (OUTPUT_ZERO, "output") if last else (0, f"rounded{index}")
        tensor = rounded(convolved, str(index), steps[index], zero, output)
        step_in = np.float32(steps[index])
    return graph.model(name, weights[0].shape[1], weights[-1].shape[0])
