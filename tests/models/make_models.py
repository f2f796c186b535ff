"""Writes the tiny networks that the tests run, most with their manifests. Needs the package `onnx`.

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
{detail}
[input]
name = "input"
colour = "{colour}"
dtype = "{dtype}"

[output]
name = "output"
"""

KINDS = {"f32": TensorProto.FLOAT, "f16": TensorProto.FLOAT16, "u8": TensorProto.UINT8}


def save(name, nodes, constants, shape, out_shape, dtype="f32", arguments=(), inputs=("input",)):
    """Saves one network. A side that is a string is open."""
    kind = KINDS[dtype]
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(key, kind, shape) for key in inputs]
        + [helper.make_tensor_value_info(*argument) for argument in arguments],
        [helper.make_tensor_value_info("output", kind, out_shape)],
        [numpy_helper.from_array(value, key) for key, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, FOLDER / f"{name}.onnx")


def write(name, description, nodes, constants, colour="luma", scale=1, margin=0, dtype="f32", detail=None):
    """Saves one network of shape [1, channels, height, width] and its manifest."""
    channels = 3 if colour == "rgb" else 1
    save(
        name, nodes, constants, [1, channels, "height", "width"],
        [1, channels, "out_height", "out_width"], dtype,
    )
    manifest = MANIFEST.format(
        name=name, description=description, colour=colour, scale=scale, margin=margin, dtype=dtype,
        detail=f'detail = "{detail}"\n' if detail else "",
    )
    (FOLDER / f"{name}.toml").write_text(manifest)


def with_manifests():
    """Networks whose manifests are beside them."""
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
    for name, factor, partner in [("half-luma", 0.5, "full-luma"), ("full-luma", 1.0, None)]:
        factor = np.full((1, 1, 1, 1), factor, np.float32)
        times = helper.make_node("Conv", ["input", "weights"], ["output"])
        write(name, "Multiplies by a number.", [times], {"weights": factor}, detail=partner)
    nothing = [
        helper.make_node("Sub", ["input", "input"], ["zero"]),
        helper.make_node("Div", ["zero", "zero"], ["output"]),
    ]
    write("not-a-number", "Gives NaN everywhere.", nothing, {})


def depthwise(name, source, target, size, pad, dilation=1):
    """A convolution that blurs each of 3 channels alone."""
    return helper.make_node(
        "Conv", [source, name], [target], group=3, pads=[pad] * 4, dilations=[dilation] * 2, kernel_shape=[size] * 2,
    )


def box(size):
    """The weights of a box blur of 3 channels."""
    return np.full((3, 1, size, size), 1 / size**2, np.float32)


def enlarge(source, target="output", axes=(2, 3)):
    """Repeats every pixel 2 x 2 times, and the constant that it needs."""
    scales = np.ones(4, np.float32)
    scales[list(axes)] = 2
    node = helper.make_node(
        "Resize", [source, "", "doubled"], [target], mode="nearest",
        coordinate_transformation_mode="asymmetric", nearest_mode="floor",
    )
    return node, {"doubled": scales}


def without_manifests():
    """Networks that are to be probed."""
    open_rgb, open_out = [1, 3, "height", "width"], [1, 3, "out_height", "out_width"]

    # Bytes, channels innermost.
    node, constants = enlarge("input", axes=(1, 2))
    save("bytes-nhwc-x2", [node], constants, [1, "height", "width", 3], [1, "out_height", "out_width", 3], "u8")

    # Code values 0..255: a blur that cuts off what is beyond, and lifts black, which 0..1 would not survive.
    nodes = [
        depthwise("weights", "input", "blurred", 3, 1),
        helper.make_node("Max", ["blurred", "floor"], ["lifted"]),
        helper.make_node("Min", ["lifted", "ceiling"], ["output"]),
    ]
    limits = {"floor": np.array(4, np.float32), "ceiling": np.array(255, np.float32)}
    save("codes-255", nodes, {"weights": box(3), **limits}, open_rgb, open_out)

    # -1..1, through a curve that keeps both ends and the middle of that range where they are.
    nodes = [
        depthwise("weights", "input", "blurred", 3, 1),
        helper.make_node("Mul", ["blurred", "slope"], ["steep"]),
        helper.make_node("Tanh", ["steep"], ["curved"]),
        helper.make_node("Mul", ["curved", "height_of_curve"], ["output"]),
    ]
    curve = {"slope": np.array(1, np.float32), "height_of_curve": np.array(1 / np.tanh(1), np.float32)}
    save("signed", nodes, {"weights": box(3), **curve}, open_rgb, open_out)

    # Takes R, G, B and gives B, G, R.
    gather = helper.make_node("Gather", ["input", "order"], ["output"], axis=1)
    save("swaps-channels", [gather], {"order": np.array([2, 1, 0], np.int64)}, open_rgb, open_rgb)

    # Only pictures of 64 x 48 pixels.
    node, constants = enlarge("blurred")
    nodes = [depthwise("weights", "input", "blurred", 3, 1), node]
    save("fixed-64x48-x2", nodes, {"weights": box(3), **constants}, [1, 3, 48, 64], [1, 3, 96, 128])

    # Only pictures of ten thousand megapixels.
    node, constants = enlarge("input")
    save("fixed-huge", [node], constants, [1, 3, 100_000, 100_000], [1, 3, 200_000, 200_000])

    # Valid convolutions, which use up 4 pixels on each side.
    node, constants = enlarge("second")
    nodes = [depthwise("w5", "input", "first", 5, 0), depthwise("w5", "first", "second", 5, 0), node]
    save("valid-x2", nodes, {"w5": box(5), **constants}, open_rgb, open_out)

    # Halves twice and doubles twice: width and height must be multiples of 4.
    pool = helper.make_node("AveragePool", ["input"], ["quarter"], kernel_shape=[4, 4], strides=[4, 4])
    grow = helper.make_node(
        "Resize", ["quarter", "", "four"], ["coarse"], mode="linear", coordinate_transformation_mode="half_pixel"
    )
    half = np.array(0.5, np.float32)
    nodes = [
        pool, depthwise("weights", "input", "fine", 3, 1), grow,
        helper.make_node("Add", ["fine", "coarse"], ["sum"]),
        helper.make_node("Mul", ["sum", "half"], ["output"]),
    ]
    four = np.array([1, 1, 4, 4], np.float32)
    save("multiple-of-4", nodes, {"weights": box(3), "four": four, "half": half}, open_rgb, open_out)

    # A large receptive field: 5 x 5 taps 4 pixels apart, four times, 32 pixels in all.
    steps = ["input", "a", "b", "c", "output"]
    nodes = [depthwise("w5", a, b, 5, 8, dilation=4) for a, b in zip(steps, steps[1:])]
    save("wide", nodes, {"w5": box(5)}, open_rgb, open_out)

    # Takes the mean of the whole picture away from it and puts one half in its place.
    nodes = [
        helper.make_node("GlobalAveragePool", ["input"], ["mean"]),
        helper.make_node("Sub", ["input", "mean"], ["centred"]),
        helper.make_node("Add", ["centred", "half"], ["output"]),
    ]
    save("whole-picture", nodes, {"half": half}, open_rgb, open_out)

    # Blurs by `strength`, and weighs the channels by `channel_weights`.
    nodes = [
        depthwise("weights", "input", "blurred", 3, 1),
        helper.make_node("Sub", ["blurred", "input"], ["difference"]),
        helper.make_node("Mul", ["difference", "strength"], ["change"]),
        helper.make_node("Add", ["input", "change"], ["output"]),
    ]
    strength = ("strength", TensorProto.FLOAT, [1])
    save("strength", nodes, {"weights": box(3)}, open_rgb, open_out, arguments=[strength])
    nodes = [
        helper.make_node("Reshape", ["curve", "shape"], ["factors"]),
        helper.make_node("Mul", ["input", "factors"], ["output"]),
    ]
    curve = ("curve", TensorProto.FLOAT, [3])
    shape = {"shape": np.array([1, 3, 1, 1], np.int64)}
    save("needs-curve", nodes, shape, open_rgb, open_out, arguments=[curve])

    # Not for video.
    nodes = [
        helper.make_node("GlobalAveragePool", ["input"], ["mean"]),
        helper.make_node("Reshape", ["mean", "flat"], ["output"]),
    ]
    save("classifier", nodes, {"flat": np.array([1, 3], np.int64)}, open_rgb, [1, 3])
    nodes = [helper.make_node("Add", ["before", "after"], ["output"])]
    save("two-pictures", nodes, {}, open_rgb, open_rgb, inputs=("before", "after"))
    four_channels = [1, 4, "height", "width"]
    save("four-channels", [helper.make_node("Identity", ["input"], ["output"])], {}, four_channels, four_channels)


STEP = """name = "{name}"
task = "{task}"
file = "{name}.onnx"
licence = "MIT OR Apache-2.0"
description = "{description}"
scale = 1
receptive_margin = 0
global = true

[input]
name = "input"
colour = "rgb"
{input}
[output]
name = "output"
"""


def step(name, task, description, nodes, constants, shapes, argument=None, facts=""):
    """Saves a network that stands in for one of the catalogue, with its manifest, in a data folder of its own."""
    folder = FOLDER / "home" / "framecast" / "models"
    folder.mkdir(parents=True, exist_ok=True)
    inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, shapes[0])]
    manifest = STEP.format(name=name, task=task, description=description, input=facts)
    if argument:
        inputs.append(helper.make_tensor_value_info("style", TensorProto.FLOAT, argument))
        manifest += f'\n[[arguments]]\nname = "style"\nshape = {argument}\n'
    graph = helper.make_graph(
        nodes, name, inputs, [helper.make_tensor_value_info("output", TensorProto.FLOAT, shapes[1])],
        [numpy_helper.from_array(value, key) for key, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, folder / f"{name}.onnx")
    (folder / f"{name}.toml").write_text(manifest)


def image_to_image():
    """Stand-ins for the networks of the image-to-image steps, whose output can be computed by hand."""
    open_rgb = [1, 3, "height", "width"]

    # Style 0 is the picture, style 1 its negative, style 2 a tenth of the picture; more are black.
    slopes = np.zeros(26, np.float32)
    slopes[:3] = [1, -1, 0.1]
    offsets = np.zeros(26, np.float32)
    offsets[1] = 1
    nodes = []
    for name in ("slopes", "offsets"):
        nodes += [
            helper.make_node("Mul", ["style", name], [f"{name}_each"]),
            helper.make_node("ReduceSum", [f"{name}_each"], [f"{name}_sum"], keepdims=0),
        ]
    nodes += [
        helper.make_node("Mul", ["input", "slopes_sum"], ["scaled"]),
        helper.make_node("Add", ["scaled", "offsets_sum"], ["output"]),
    ]
    constants = {"slopes": slopes, "offsets": offsets}
    step("multistyle26", "style", "Three styles.", nodes, constants, (open_rgb, open_rgb), [26], "multiple = 4\n")

    # A style is a colour, and painting in it leaves nothing else.
    mean = helper.make_node("ReduceMean", ["input"], ["output"], axes=[1, 2])
    step(
        "arbitrary-style-predict", "style-prediction", "The mean colour of a picture.", [mean], {},
        ([1, 8, 8, 3], [1, 1, 1, 3]), facts='layout = "nhwc"\nwidth = 8\nheight = 8\n',
    )
    nodes = [
        helper.make_node("Mul", ["input", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "style"], ["output"]),
    ]
    step(
        "arbitrary-style-transform", "style", "A picture of one colour.", nodes, {"zero": np.zeros(1, np.float32)},
        ([1, 16, 16, 3], [1, 16, 16, 3]), [1, 1, 1, 3], 'layout = "nhwc"\nwidth = 16\nheight = 16\n',
    )

    # Two iterations, the same everywhere.
    bends = np.array([-0.5, -0.5, -0.5, -0.25, -0.25, -0.25], np.float32).reshape(6, 1, 1, 1)
    curves = helper.make_node("Conv", ["input", "weights", "bends"], ["output"])
    weights = np.zeros((6, 3, 1, 1), np.float32)
    step(
        "zero-dce", "low-light", "Curves that brighten.", [curves], {"weights": weights, "bends": bends.reshape(6)},
        (open_rgb, [1, 6, "height", "width"]),
    )


def main():
    with_manifests()
    without_manifests()
    image_to_image()


if __name__ == "__main__":
    main()


def moving(name, task, per_tau, fixed, shrink=4):
    """A motion network that always says the same: channels are tau x `per_tau` + `fixed`."""
    kernel = np.zeros((8, 16, 1, 1), np.float32)
    kernel[:, 12, 0, 0] = per_tau
    node = helper.make_node("Conv", ["frames", "kernel", "bias"], ["field"])
    graph = helper.make_graph(
        [node],
        name,
        [helper.make_tensor_value_info("frames", TensorProto.FLOAT, [1, 16, "height", "width"])],
        [helper.make_tensor_value_info("field", TensorProto.FLOAT, [1, 8, "height", "width"])],
        [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(np.array(fixed, np.float32), "bias")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, FOLDER / f"{name}.onnx")
    (FOLDER / f"{name}.toml").write_text(
        f'name = "{name}"\ntask = "{task}"\nfile = "{name}.onnx"\nlicence = "MIT OR Apache-2.0"\n'
        'description = "Everything moves 8 pixels to the right from frame to frame."\n'
        f'scale = 1\nshrink = {shrink}\nreceptive_margin = 0\n\n[input]\nname = "frames"\n\n[output]\nname = "field"\n'
    )


# dx, dy into frame k and into the other one, blend, log-scale, gate, nothing.
moving("predicts-right", "prediction", [-8, 0, -8, 0, 0, 0, 0, 0], [0, 0, -8, 0, -40, -4, 0, 0])
moving("predicts-right-fine", "prediction", [-8, 0, -8, 0, 0, 0, 0, 0], [0, 0, -8, 0, -40, -4, 0, 0], shrink=2)
moving("interpolates-right", "interpolation", [-8, 0, -8, 0, 0, 0, 0, 0], [0, 0, 8, 0, 0, -4, 0, 0])
