"""PSNR and SSIM on luma under the usual protocol (8-bit rounding, a border of `scale` pixels cut)."""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from .data import MEAN, luma, pictures_in, reduce
from .noise import test_noise
from .resize import resize, to_code

Upscaler = Callable[[np.ndarray], np.ndarray]
"""8-bit luma codes [h, w] to [scale h, scale w]."""


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB of two code planes, peak 255."""
    return float(10.0 * np.log10(255.0**2 / np.mean((a.astype(np.float64) - b) ** 2)))


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Mean structural similarity: 11x11 Gaussian of deviation 1.5, only windows inside the picture."""
    taps = np.exp(-((np.arange(11) - 5.0) ** 2) / (2 * 1.5**2))
    taps /= taps.sum()

    def blur(plane: np.ndarray) -> np.ndarray:
        rows = np.lib.stride_tricks.sliding_window_view(plane, 11, axis=0) @ taps
        return np.lib.stride_tricks.sliding_window_view(rows, 11, axis=1) @ taps

    a, b = a.astype(np.float64), b.astype(np.float64)
    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2
    cov = blur(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    score = (2 * mean_a * mean_b + c1) * (2 * cov + c2)
    return float(np.mean(score / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))))


def bicubic(scale: int) -> Upscaler:
    """The cubic enlargement that every network is compared with."""
    return lambda low: to_code(resize(low, scale * low.shape[0], scale * low.shape[1]))


def residual_upscaler(network: Callable[[np.ndarray], np.ndarray], scale: int) -> Upscaler:
    """Wrap a residual network [1, 4, h, w] -> [1, (2 scale)^2, h, w] with the glue that framecast adds."""
    block = 2 * scale

    def upscale(low: np.ndarray) -> np.ndarray:
        height, width = low.shape
        even = np.pad(low, ((0, height % 2), (0, width % 2)), mode="edge")
        h, w = even.shape[0] // 2, even.shape[1] // 2
        blocks = even.reshape(h, 2, w, 2).transpose(1, 3, 0, 2).reshape(1, 4, h, w)
        residual = network(blocks.astype(np.float32) / np.float32(255) - np.float32(MEAN))
        shuffled = residual.reshape(block, block, h, w).transpose(2, 0, 3, 1).reshape(block * h, block * w)
        base = even.repeat(scale, axis=0).repeat(scale, axis=1)
        return to_code(base + 255.0 * shuffled)[: scale * height, : scale * width]

    return upscale


def onnx_upscaler(path: Path, scale: int, threads: int = 2) -> Upscaler:
    """An upscaler that runs an ONNX file."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return residual_upscaler(lambda x: session.run(["output"], {"input": x})[0], scale)


def load_set(folder: Path, scale: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """(high, low) luma code planes of a folder of pictures, cut to a multiple of the scale; clean and noisy at scale 1."""
    pairs = []
    for path in pictures_in(folder):
        plane = luma(path)
        high = plane[: plane.shape[0] // scale * scale, : plane.shape[1] // scale * scale]
        pairs.append((high, test_noise(high) if scale == 1 else reduce(high, scale)))
    return pairs


def score(
    pairs: list[tuple[np.ndarray, np.ndarray]], upscale: Upscaler, scale: int, with_ssim: bool = True
) -> tuple[float, float]:
    """Mean PSNR in dB and mean SSIM over (high, low) pairs; SSIM is 0 when left out."""
    cut = slice(scale, -scale)
    rows = []
    for high, low in pairs:
        a, b = high[cut, cut], upscale(low)[cut, cut]
        rows.append((psnr(a, b), ssim(a, b) if with_ssim else 0.0))
    mean = np.mean(rows, axis=0)
    return float(mean[0]), float(mean[1])


def main() -> None:
    """Print the scores of a network, or of bicubic, on folders of high-resolution pictures."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of pictures")
    parser.add_argument("--model", type=Path, help="ONNX file; bicubic when left out")
    parser.add_argument("--scale", type=int, default=2)
    arguments = parser.parse_args()
    scale = arguments.scale
    upscale = onnx_upscaler(arguments.model, scale) if arguments.model else bicubic(scale)
    for folder in arguments.data:
        quality, similarity = score(load_set(folder, scale), upscale, scale)
        print(f"{folder}: PSNR {quality:.3f} dB, SSIM {similarity:.4f}")


if __name__ == "__main__":
    main()
