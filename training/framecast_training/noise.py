"""Pairs for denoising: pictures with a sensor's noise, some of them coded with H.264 while they move."""

from pathlib import Path

import numpy as np

from .camera import FRAMES, GROUP, KEPT, PRESETS, WINDOW, blurred, coded, moving_windows
from .data import TILE, luma, pictures_in, tiles
from .resize import to_code

WEAK, STRONG = (1.0, 8.0), (8.0, 25.0)
"""Standard deviations of the noise, in 8-bit codes."""
CODED_SHARE = 0.5
"""Share of the groups that go through the encoder."""
QUALITIES = (19, 34)
"""Range of x264's constant rate factors."""
TEST_DEVIATION = 10.0
"""Of the noise of development pictures."""


def sensor_noise(plane: np.ndarray, deviation: float, grain: float, random: np.random.Generator) -> np.ndarray:
    """Noise whose variance grows with light, as photons' does; `grain` is its blur in pixels, which demosaicing leaves."""
    noise = blurred(random.standard_normal(plane.shape), grain)
    noise *= deviation / max(noise.std(), 1e-6)
    return noise * np.sqrt(0.5 + plane / 255.0)


def noisy_windows(plane: np.ndarray, random: np.random.Generator) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """FRAMES clean windows that pan over a picture, and the same with one strength of noise."""
    kind = random.choice(3, p=[0.15, 0.5, 0.35])
    deviation = 0.0 if kind == 0 else random.uniform(*(WEAK, STRONG)[kind - 1])
    grain = random.choice([0.0, random.uniform(0.3, 0.8)])
    clean = moving_windows(plane, random)
    return clean, [to_code(window + sensor_noise(window, deviation, grain, random)) for window in clean]


def noisy_pairs(folder: Path, cache: Path, seed: int = 11) -> tuple[np.ndarray, np.ndarray]:
    """Clean and noisy luma codes [n, TILE, TILE] of a folder's pictures, cached; needs `ffmpeg` with libx264."""
    clean_path, noisy_path = cache / "clean-x1.npy", cache / "noisy-x1.npy"
    if not noisy_path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(seed)
        planes = [plane for plane in map(luma, pictures_in(folder)) if min(plane.shape) >= WINDOW]
        clean, noisy = [], []
        for first in range(0, len(planes), GROUP):
            windows = [noisy_windows(plane, random) for plane in planes[first : first + GROUP]]
            sharp = np.stack([window for group, _ in windows for window in group])
            seen = np.stack([window for _, group in windows for window in group])
            if random.random() < CODED_SHARE:
                seen = coded(seen, int(random.integers(QUALITIES[0], QUALITIES[1] + 1)), str(random.choice(PRESETS)))
            for picture in range(len(windows)):
                for frame in random.choice(FRAMES, KEPT, replace=False):
                    clean += tiles(sharp[picture * FRAMES + frame], TILE, 2)
                    noisy += tiles(seen[picture * FRAMES + frame], TILE, 2)
        np.save(clean_path, np.stack(clean))
        np.save(noisy_path, np.stack(noisy))
    return np.load(clean_path, mmap_mode="r"), np.load(noisy_path, mmap_mode="r")


def test_noise(plane: np.ndarray) -> np.ndarray:
    """The noisy codes of a development picture, always the same ones."""
    random = np.random.default_rng(1)
    return to_code(plane + TEST_DEVIATION * random.standard_normal(plane.shape))
