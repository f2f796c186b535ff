"""Pairs as cameras and streams deliver them: blurred, shrunk, noisy, coded with H.264 while the picture moves."""

import subprocess
from pathlib import Path

import numpy as np

from .data import TILE, luma, pictures_in, tiles
from .resize import resize, to_code

FRAMES = 8
"""Frames of one moving picture: the first is coded on its own, the others are predicted from it."""
KEPT = 3
"""Frames of it that become training pairs."""
WINDOW = 448
"""Side of the moving window, in high-resolution pixels."""
FASTEST = 6
"""Largest motion along an axis, in high-resolution pixels a frame; odd values move the low one by half pixels."""
GROUP = 32
"""Pictures that share one coded sequence, and so its quality."""
QUALITIES = (19, 37)
"""Range of x264's constant rate factors."""
PRESETS = ["ultrafast", "superfast", "veryfast", "medium"]


def blurred(plane: np.ndarray, deviation: float) -> np.ndarray:
    """A Gaussian blur with mirrored borders, in double precision."""
    if deviation < 0.1:
        return plane.astype(np.float64)
    radius = int(np.ceil(3.0 * deviation))
    taps = np.exp(-((np.arange(-radius, radius + 1) / deviation) ** 2) / 2.0)
    taps /= taps.sum()
    padded = np.pad(plane.astype(np.float64), radius, mode="symmetric")
    rows = sum(tap * padded[i : i + plane.shape[0]] for i, tap in enumerate(taps))
    return sum(tap * rows[:, i : i + plane.shape[1]] for i, tap in enumerate(taps))


def halve_like_a_camera(plane: np.ndarray, deviation: float, averaged: bool) -> np.ndarray:
    """The half-size picture in double precision: blurred, then cubic with antialiasing or the mean of 2x2."""
    soft = blurred(plane, deviation)
    if averaged:
        return soft.reshape(soft.shape[0] // 2, 2, soft.shape[1] // 2, 2).mean(axis=(1, 3))
    return resize(soft, soft.shape[0] // 2, soft.shape[1] // 2)


def moving_windows(plane: np.ndarray, random: np.random.Generator) -> list[np.ndarray]:
    """FRAMES windows of WINDOW pixels that pan over a plane."""
    room = np.array(plane.shape) - WINDOW
    step = random.integers(-FASTEST, FASTEST + 1, 2)
    start = random.integers(0, room + 1)
    places = (np.clip(start + frame * step, 0, room) for frame in range(FRAMES))
    return [plane[y : y + WINDOW, x : x + WINDOW] for y, x in places]


def coded(frames: np.ndarray, quality: int, preset: str) -> np.ndarray:
    """8-bit luma frames [n, h, w] after x264 (4:2:0, a key frame every FRAMES) and back."""
    count, height, width = frames.shape
    grey = np.full((count, height * width // 2), 128, np.uint8)
    planes = np.concatenate([frames.reshape(count, -1), grey], axis=1)
    raw = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{width}x{height}", "-r", "25"]
    program = ["ffmpeg", "-v", "error"]
    encode = [*program, *raw, "-i", "-", "-c:v", "libx264", "-preset", preset, "-crf", str(quality),
              "-g", str(FRAMES), "-keyint_min", str(FRAMES), "-sc_threshold", "0", "-threads", "1", "-f", "h264", "-"]
    stream = subprocess.run(encode, input=planes.tobytes(), stdout=subprocess.PIPE, check=True).stdout
    # Only the luma plane is taken: its codes must not be stretched on the way out.
    decode = [*program, "-f", "h264", "-i", "-", "-vf", "extractplanes=y", "-f", "rawvideo", "-pix_fmt", "gray", "-"]
    decoded = subprocess.run(decode, input=stream, stdout=subprocess.PIPE, check=True).stdout
    return np.frombuffer(decoded, np.uint8).reshape(frames.shape)


def group_pairs(planes: list[np.ndarray], random: np.random.Generator) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """High and low tiles of pictures that go through one encoder."""
    sharp, seen = [], []
    for plane in planes:
        deviation = random.choice([0.0, random.uniform(0.3, 1.2)])
        noise = random.choice([0.0, random.uniform(0.5, 4.0)])
        averaged = random.random() < 0.3
        for window in moving_windows(plane, random):
            low = halve_like_a_camera(window, deviation, averaged)
            sharp.append(window)
            seen.append(to_code(low + noise * random.standard_normal(low.shape)))
    quality = int(random.integers(QUALITIES[0], QUALITIES[1] + 1))
    delivered = coded(np.stack(seen), quality, str(random.choice(PRESETS)))
    high, low = [], []
    for picture in range(len(planes)):
        for frame in random.choice(FRAMES, KEPT, replace=False):
            high += tiles(sharp[picture * FRAMES + frame], TILE, 2)
            low += tiles(delivered[picture * FRAMES + frame], TILE // 2, 1)
    return high, low


def camera_pairs(folder: Path, cache: Path, passes: int = 2, seed: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """As [`data.packed_pairs`], for pictures of at least WINDOW pixels; needs the program `ffmpeg` with libx264."""
    high_path, low_path = cache / "camera-high-x2.npy", cache / "camera-low-x2.npy"
    if not low_path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(seed)
        planes = [plane for plane in map(luma, pictures_in(folder)) if min(plane.shape) >= WINDOW]
        high, low = [], []
        for _ in range(passes):
            order = random.permutation(len(planes))
            for first in range(0, len(order), GROUP):
                more_high, more_low = group_pairs([planes[i] for i in order[first : first + GROUP]], random)
                high += more_high
                low += more_low
        np.save(high_path, np.stack(high))
        np.save(low_path, np.stack(low))
    return np.load(high_path, mmap_mode="r"), np.load(low_path, mmap_mode="r")
