"""Luma planes from pictures, the packed training cache and random patch batches."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from .resize import resize, to_code

PICTURES = {".png", ".webp", ".jpg", ".bmp"}
MEAN = 0.45
"""Subtracted from code / 255 before the network, so that zero padding means a mid grey."""

TILE = 256
"""Side of a cached training picture in high-resolution pixels."""
SHRINKS = (1.0, 0.75, 0.5)
"""Every picture is also taken smaller, for smaller pictures hold more detail per pixel."""


def luma(path: Path) -> np.ndarray:
    """The BT.601 limited-range luma of a picture as 8-bit codes [h, w]; grey pictures as they are."""
    picture = Image.open(path)
    if picture.mode in ("L", "1"):
        return np.asarray(picture.convert("L"))
    rgb = np.asarray(picture.convert("RGB"), dtype=np.float64)
    return to_code(16.0 + rgb @ np.array([65.481, 128.553, 24.966]) / 255.0)


def reduce(plane: np.ndarray, scale: int) -> np.ndarray:
    """The antialiased cubic picture of 1/scale the size of 8-bit codes [h, w], rounded to 8 bit."""
    return to_code(resize(plane, plane.shape[0] // scale, plane.shape[1] // scale))


def pictures_in(folder: Path) -> list[Path]:
    """The picture files of a folder in name order."""
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURES)


def tiles(plane: np.ndarray, side: int, grid: int) -> list[np.ndarray]:
    """Squares [side, side] that cover a plane, as few as do, evenly spread on multiples of `grid`."""

    def starts(length: int) -> list[int]:
        count = -(-length // side) if length >= side else 0
        return [index * (length - side) // max(count - 1, 1) // grid * grid for index in range(count)]

    return [plane[y : y + side, x : x + side] for y in starts(plane.shape[0]) for x in starts(plane.shape[1])]


def shrunk(plane: np.ndarray, factor: float) -> np.ndarray:
    """The antialiased cubic picture of `factor` times the size, both sides multiples of 8."""
    height, width = (int(side * factor) // 8 * 8 for side in plane.shape)
    return plane[:height, :width] if factor == 1.0 else to_code(resize(plane, height, width))


def packed_pairs(folder: Path, cache: Path, scale: int) -> tuple[np.ndarray, np.ndarray]:
    """High [n, TILE, TILE] and low [n, TILE/scale, TILE/scale] luma codes of a folder's pictures, cached on disk."""
    high_path, low_path = cache / f"high-x{scale}.npy", cache / f"low-x{scale}.npy"
    if not low_path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        high, low = [], []
        for plane in map(luma, pictures_in(folder)):
            for version in (shrunk(plane, factor) for factor in SHRINKS):
                high += tiles(version, TILE, scale)
                low += tiles(reduce(version, scale), TILE // scale, 1)
        np.save(high_path, np.stack(high))
        np.save(low_path, np.stack(low))
    return np.load(high_path, mmap_mode="r"), np.load(low_path, mmap_mode="r")


def space_to_depth(planes: torch.Tensor, block: int) -> torch.Tensor:
    """[n, h, w] to [n, block^2, h/block, w/block]; channel block*dy+dx holds pixel (dy, dx)."""
    return torch.nn.functional.pixel_unshuffle(planes.unsqueeze(1), block)


def nearest_base(low: torch.Tensor, scale: int) -> torch.Tensor:
    """[n, 4, h, w] low pixels to the [n, (2 scale)^2, h, w] output pixels of a nearest-neighbour enlargement."""
    source = [2 * (dy // scale) + dx // scale for dy in range(2 * scale) for dx in range(2 * scale)]
    return low[:, source]


class PatchSampler:
    """Random aligned patches with flips and quarter turns, out of one or more sets of pairs."""

    def __init__(
        self, sets: list[tuple[np.ndarray, np.ndarray]], shares: list[float], scale: int, patch: int, seed: int
    ) -> None:
        """`sets` are (high, low) planes, each drawn with its share; `patch` is in low-resolution pixels, and even."""
        self.sets, self.shares = sets, np.array(shares) / sum(shares)
        self.scale, self.patch = scale, patch
        self.random = np.random.default_rng(seed)

    def batch(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Centred input [n, 4, p/2, p/2] and target residual [n, (2 scale)^2, p/2, p/2], both in code / 255."""
        side, scale = self.patch, self.scale
        low = np.empty((count, side, side), np.uint8)
        high = np.empty((count, scale * side, scale * side), np.uint8)
        for i in range(count):
            highs, lows = self.sets[self.random.choice(len(self.sets), p=self.shares)]
            top = lows.shape[1] - side + 1
            n, y, x, turn, flip = self.random.integers(0, [len(lows), top, top, 4, 2])
            small = np.rot90(lows[n, y : y + side, x : x + side], turn)
            large = np.rot90(highs[n, scale * y : scale * (y + side), scale * x : scale * (x + side)], turn)
            low[i] = small[:, ::-1] if flip else small
            high[i] = large[:, ::-1] if flip else large
        source = space_to_depth(torch.from_numpy(low).float() / 255.0, 2)
        target = space_to_depth(torch.from_numpy(high).float() / 255.0, 2 * scale) - nearest_base(source, scale)
        return source - MEAN, target
