"""Builds the caches that the motion networks are trained on: clips, a game, backgrounds and cut-outs."""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from .data import PICTURES, pictures_in
from .recordings import cache_clips, cache_game, save

LEVELS = ["MAP01", "MAP03", "MAP07", "MAP11", "MAP15", "E1M1", "E2M2", "E3M4"]
GAME_LENGTH = 350
"""Frames of each level."""
BACKGROUND = 512
"""Sides of cached backgrounds."""
SPRITE = 128
"""Sides of cached cut-outs, in half-size pixels."""
BLOBS = 500
"""Cut-outs of random shape that are made from the backgrounds."""


def rgb(path: Path) -> Image.Image:
    """A picture as RGB, huge ones read at reduced size."""
    picture = Image.open(path)
    picture.draft("RGB", (1600, 1600))
    return picture.convert("RGB")


def backgrounds(crops: Path, photos: Path | None) -> np.ndarray:
    """[n, BACKGROUND, BACKGROUND, 3]: the crops, and squares out of larger photos shrunk to two sizes."""
    made = [np.asarray(rgb(path)) for path in pictures_in(crops)]
    made = [picture[:BACKGROUND, :BACKGROUND] for picture in made if min(picture.shape[:2]) >= BACKGROUND]
    for path in sorted(p for p in photos.rglob("*") if p.suffix.lower() in PICTURES) if photos else []:
        picture = rgb(path)
        for shorter in (BACKGROUND, 2 * BACKGROUND):
            if min(picture.size) < shorter:
                continue
            factor = shorter / min(picture.size)
            small = np.asarray(picture.resize([max(round(side * factor), shorter) for side in picture.size], Image.BOX))
            for top in range(0, small.shape[0] - BACKGROUND + 1, BACKGROUND):
                for left in range(0, small.shape[1] - BACKGROUND + 1, BACKGROUND):
                    made.append(small[top : top + BACKGROUND, left : left + BACKGROUND])
    return np.stack(made)


def cut_out(path: Path) -> np.ndarray:
    """A picture with alpha [SPRITE, SPRITE, 4], shrunk to fit with a clear margin of a pixel."""
    picture = Image.open(path).convert("RGBA")
    picture.thumbnail((SPRITE - 2, SPRITE - 2), Image.BOX)
    canvas = Image.new("RGBA", (SPRITE, SPRITE))
    canvas.paste(picture, ((SPRITE - picture.width) // 2, (SPRITE - picture.height) // 2))
    return np.asarray(canvas)


def blob(texture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A cut-out of random round or angular shape [SPRITE, SPRITE, 4] with a piece of a background on it."""
    y, x = np.mgrid[:SPRITE, :SPRITE] / (SPRITE / 2.0) - 1.0
    angle, radius = np.arctan2(y, x), np.hypot(x, y)
    edge = np.full_like(radius, random.uniform(0.4, 0.75))
    for waves in range(1, 6):
        edge += random.normal(0.0, 0.12 / waves) * np.cos(waves * angle + random.uniform(0.0, 2.0 * np.pi))
    alpha = np.clip((np.minimum(edge, 0.95) - radius) * SPRITE / 2.0 + 0.5, 0.0, 1.0)
    if random.random() < 0.35:
        alpha = np.clip((0.8 - np.maximum(np.abs(x) / random.uniform(0.1, 1.0), np.abs(y))) * SPRITE / 2.0, 0.0, 1.0)
    top, left = random.integers(0, BACKGROUND - SPRITE, 2)
    piece = texture[top : top + SPRITE, left : left + SPRITE]
    return np.dstack([piece, np.round(255.0 * alpha).astype(np.uint8)])


def sprites(stamps: Path, scenes: np.ndarray, seed: int = 5) -> np.ndarray:
    """[n, SPRITE, SPRITE, 4]: the pictures with alpha in `stamps`, and blobs."""
    random = np.random.default_rng(seed)
    made = [cut_out(path) for path in pictures_in(stamps)]
    made += [blob(scenes[random.integers(len(scenes))], random) for _ in range(BLOBS)]
    return np.stack(made)


def main() -> None:
    """Build what is missing in the cache."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="folder of video files")
    parser.add_argument("--crops", type=Path, required=True, help="folder of photos of 512x512 or more")
    parser.add_argument("--stamps", type=Path, required=True, help="folder of pictures with alpha")
    parser.add_argument("--photos", type=Path, help="folder of larger photos, searched with its sub-folders")
    parser.add_argument("--game", action="store_true", help="also record a game; needs the package vizdoom")
    parser.add_argument("--cache", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    save(arguments.cache / "backgrounds.npy", lambda: backgrounds(arguments.crops, arguments.photos))
    scenes = np.load(arguments.cache / "backgrounds.npy", mmap_mode="r")
    save(arguments.cache / "sprites.npy", lambda: sprites(arguments.stamps, scenes))
    cache_clips(arguments.clips, arguments.cache)
    if arguments.game:
        cache_game(arguments.cache, LEVELS, GAME_LENGTH)


if __name__ == "__main__":
    main()
