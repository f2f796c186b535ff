"""Writes the tiny networks that the tests run, with their manifests. Needs the package `onnx`.

    python3 tests/models/make_models.py
"""

import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FOLDER = pathlib.Path(__file__).parent

MANIFEST = """name = "{name}"
task = "super-resolution"
file = "{name}.onnx"
licence = "MIT OR Apache-2.0"
description = "{description}"
scale = {scale}
receptive_margin = {margin}

[input]
name = "input"
colour = "{colour}"
dtype = "{dtype}"

[output]
name = "output"
"""


def write(name, description, nodes, constants, colour="luma", scale=1, margin=0, dtype="f32"):
    """Saves one network of shape [1, channels, height, width] and its manifest."""
    channels = 3 if colour == "rgb" else 1
    kind = TensorProto.FLOAT16 if dtype == "f16" else TensorProto.FLOAT
    shape = [1, channels, "height", "width"]
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("input", kind, shape)],
        [helper.make_tensor_value_info("output", kind, [1, channels, "out_height", "out_width"])],
        [numpy_helper.from_array(value, key) for key, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, FOLDER / f"{name}.onnx")
    manifest = MANIFEST.format(
        name=name, description=description, colour=colour, scale=scale, margin=margin, dtype=dtype
    )
    (FOLDER / f"{name}.toml").write_text(manifest)


def main():
    nearest = helper.make_node(
        "Resize", ["input", "", "scales"], ["output"], mode="nearest",
        coordinate_transformation_mode="asymmetric", nearest_mode="floor",
    )
    write(
        "rgb-nearest-x2", "Repeats every pixel 2 x 2 times.", [nearest],
        {"scales": np.array([1, 1, 2, 2], np.float32)}, colour="rgb", scale=2,
    )
    box = np.full((1, 1, 5, 5), 1 / 25, np.float32)
    blur = helper.make_node("Conv", ["input", "weights"], ["output"], pads=[2, 2, 2, 2])
    write("luma-blur", "A 5 x 5 box blur.", [blur], {"weights": box}, margin=2)
    identity = helper.make_node("Identity", ["input"], ["output"])
    write("luma-identity-f16", "Hands its input on, in 16-bit floats.", [identity], {}, dtype="f16")
    black = helper.make_node("Mul", ["input", "zero"], ["output"])
    write("black", "Turns every picture into black.", [black], {"zero": np.zeros(1, np.float32)})
    refused = (FOLDER / "black.toml").read_text().replace('"luma"', '"rgb"').replace('"black"', '"wrong-channels"')
    (FOLDER / "wrong-channels.toml").write_text(refused)
    nothing = [
        helper.make_node("Sub", ["input", "input"], ["zero"]),
        helper.make_node("Div", ["zero", "zero"], ["output"]),
    ]
    write("not-a-number", "Gives NaN everywhere.", nothing, {})


if __name__ == "__main__":
    main()
