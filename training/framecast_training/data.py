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


def luma(path: Path) -> np.ndarray:
    """The BT.601 limited-range luma of a picture as 8-bit codes [h, w]; grey pictures as they are."""
    picture = Image.open(path)
    if picture.mode in ("L", "1"):
        return np.asarray(picture.convert("L"))
    rgb = np.asarray(picture.convert("RGB"), dtype=np.float64)
    return to_code(16.0 + rgb @ np.array([65.481, 128.553, 24.966]) / 255.0)


def halve(plane: np.ndarray) -> np.ndarray:
    """The antialiased cubic half-size picture of 8-bit codes [h, w], rounded to 8 bit."""
    return to_code(resize(plane, plane.shape[0] // 2, plane.shape[1] // 2))


def pictures_in(folder: Path) -> list[Path]:
    """The picture files of a folder in name order."""
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURES)


def tiles(plane: np.ndarray, side: int) -> list[np.ndarray]:
    """The whole [side, side] squares of a plane."""
    rows, columns = plane.shape[0] // side, plane.shape[1] // side
    return [plane[y * side : (y + 1) * side, x * side : (x + 1) * side] for y in range(rows) for x in range(columns)]


def packed_pairs(folder: Path, cache: Path) -> tuple[np.ndarray, np.ndarray]:
    """High [n, TILE, TILE] and low [n, TILE/2, TILE/2] luma codes of a folder's pictures, cached on disk."""
    high_path, low_path = cache / "high.npy", cache / "low.npy"
    if not low_path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        planes = [luma(p) for p in pictures_in(folder)]
        np.save(high_path, np.stack([t for plane in planes for t in tiles(plane, TILE)]))
        np.save(low_path, np.stack([t for plane in planes for t in tiles(halve(plane), TILE // 2)]))
    return np.load(high_path), np.load(low_path)


def space_to_depth(planes: torch.Tensor, block: int) -> torch.Tensor:
    """[n, h, w] to [n, block^2, h/block, w/block]; channel block*dy+dx holds pixel (dy, dx)."""
    return torch.nn.functional.pixel_unshuffle(planes.unsqueeze(1), block)


def nearest_base(low: torch.Tensor) -> torch.Tensor:
    """[n, 4, h, w] low pixels to the [n, 16, h, w] output pixels of a nearest-neighbour doubling."""
    source = [2 * (dy // 2) + dx // 2 for dy in range(4) for dx in range(4)]
    return low[:, source]


class PatchSampler:
    """Random aligned patches with flips and quarter turns."""

    def __init__(self, high: np.ndarray, low: np.ndarray, patch: int, seed: int) -> None:
        """`patch` is the side in high-resolution pixels, a multiple of 4."""
        self.high, self.low, self.patch = high, low, patch
        self.random = np.random.default_rng(seed)

    def batch(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Centred input [n, 4, p/4, p/4] and target residual [n, 16, p/4, p/4], both in code / 255."""
        side = self.patch // 2
        top = self.low.shape[1] - side + 1
        low = np.empty((count, side, side), np.uint8)
        high = np.empty((count, 2 * side, 2 * side), np.uint8)
        for i in range(count):
            n, y, x, turn, flip = self.random.integers(0, [len(self.low), top, top, 4, 2])
            small = np.rot90(self.low[n, y : y + side, x : x + side], turn)
            large = np.rot90(self.high[n, 2 * y : 2 * (y + side), 2 * x : 2 * (x + side)], turn)
            low[i] = small[:, ::-1] if flip else small
            high[i] = large[:, ::-1] if flip else large
        source = space_to_depth(torch.from_numpy(low).float() / 255.0, 2)
        target = space_to_depth(torch.from_numpy(high).float() / 255.0, 4) - nearest_base(source)
        return source - MEAN, target
