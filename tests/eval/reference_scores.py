"""Scores of two pictures by scikit-image, SciPy and plain NumPy, for comparison with framecast's.

Prints the numbers that `known.rs` holds. Needs numpy, scipy and scikit-image.
"""

import numpy as np
from scipy.ndimage import convolve
from scipy.signal import fftconvolve
from skimage.metrics import structural_similarity

WIDTH, HEIGHT = 203, 185


def triangle(n: np.ndarray) -> np.ndarray:
    """A triangle wave of period 256 between 0 and 127."""
    m = n % 256
    return np.where(m < 128, m, 255 - m)


def grey_pair() -> tuple[np.ndarray, np.ndarray]:
    """A picture and a damaged version of it."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    a = triangle(3 * x + y) + triangle(5 * y + x * x // 64)
    b = np.clip(a + (x * 31 + y * 17 + x * y) % 23 - 8, 0, 255)
    return a.astype(float), b.astype(float)


def colour() -> np.ndarray:
    """An RGB picture."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    channels = [
        2 * triangle(17 * x + 9 * y),
        triangle(23 * x + 5 * y) + triangle(19 * y + x * x // 8),
        2 * triangle(x * y // 8 + 13 * y),
    ]
    return np.stack(channels, axis=-1).astype(float)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((a - b) ** 2)))


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Wang's SSIM; scikit-image leaves the border out of its mean, as the windows inside the picture do."""
    return float(
        structural_similarity(a, b, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
    )


def ms_ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Wang's multi-scale SSIM, by FFT convolution and SciPy's mirrored filter."""
    line = np.exp(-((np.arange(11) - 5.0) ** 2) / 4.5)
    window = np.outer(line, line) / line.sum() ** 2
    mean = lambda p: fftconvolve(p, window, mode="valid")
    c1, c2 = 2.55**2, 7.65**2
    result = 1.0
    for scale, weight in enumerate([0.0448, 0.2856, 0.3001, 0.2363, 0.1333]):
        ma, mb = mean(a), mean(b)
        va, vb, cov = mean(a * a) - ma * ma, mean(b * b) - mb * mb, mean(a * b) - ma * mb
        contrast = (2 * cov + c2) / (va + vb + c2)
        luminance = (2 * ma * mb + c1) / (ma * ma + mb * mb + c1)
        result *= np.mean(contrast * luminance if scale == 4 else contrast) ** weight
        # The 2x2 filter of MATLAB's `imfilter(..., 'symmetric')`: the sample itself, and those right of and below it.
        box = np.zeros((3, 3))
        box[0:2, 0:2] = 0.25
        a, b = (convolve(p, box, mode="reflect")[::2, ::2] for p in (a, b))
    return float(result)


def luma(rgb: np.ndarray) -> np.ndarray:
    """MATLAB's rgb2ycbcr, 8 bit."""
    return np.floor(16 + rgb @ np.array([65.481, 128.553, 24.966]) / 255 + 0.5)


def imresize(plane: np.ndarray, height: int, width: int) -> np.ndarray:
    """MATLAB's bicubic imresize with antialiasing, rounded to 8 bit: every weight written out."""

    def matrix(source: int, target: int) -> np.ndarray:
        scale = target / source
        shrink = min(scale, 1.0)
        out = np.zeros((target, source))
        for j in range(target):
            centre = (j + 0.5) / scale - 0.5
            for i in range(int(np.floor(centre - 2 / shrink)) - 1, int(np.ceil(centre + 2 / shrink)) + 2):
                d = abs(centre - i) * shrink
                w = 1.5 * d**3 - 2.5 * d**2 + 1 if d <= 1 else -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2 if d < 2 else 0
                k = i % (2 * source)
                out[j, k if k < source else 2 * source - 1 - k] += w
        return out / out.sum(axis=1, keepdims=True)

    resized = matrix(plane.shape[0], height) @ plane @ matrix(plane.shape[1], width).T
    return np.clip(np.floor(resized + 0.5), 0, 255)


def bicubic_row(scale: int) -> tuple[float, float]:
    """PSNR and SSIM of bicubic enlargement under the usual protocol."""
    height, width = HEIGHT // scale * scale, WIDTH // scale * scale
    high = luma(colour())[:height, :width]
    low = imresize(high, height // scale, width // scale)
    cut = slice(scale, -scale)
    a, b = high[cut, cut], imresize(low, height, width)[cut, cut]
    return psnr(a, b), ssim(a, b)


a, b = grey_pair()
print(f"PSNR {psnr(a, b):.6f}")
print(f"SSIM {ssim(a, b):.8f}")
print(f"MS_SSIM {ms_ssim(a, b):.8f}")
for scale in (2, 3, 4):
    print(f"BICUBIC x{scale} {bicubic_row(scale)[0]:.4f} {bicubic_row(scale)[1]:.6f}")
