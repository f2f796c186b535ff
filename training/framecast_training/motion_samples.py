"""Batches of triplets for motion networks: real clips, a game and made-up scenes, from the cache of `motion_data`."""

from dataclasses import dataclass
from multiprocessing import Process, Queue
from pathlib import Path

import cv2
import numpy as np

from .engine_flow import EngineFlow
from .motion_field import classical_flow
from .synthetic_motion import Manner, Path2D, SceneSampler

SIZES = {4: (192, 128), 2: (256, 160)}
"""Width and height of training pictures for cells of so many source pixels, two pixels of the pictures to a cell."""
SHARES = {"scene": 0.5, "clip": 0.35, "game": 0.15}
PRESETS = [cv2.DISOPTICAL_FLOW_PRESET_MEDIUM, cv2.DISOPTICAL_FLOW_PRESET_MEDIUM, cv2.DISOPTICAL_FLOW_PRESET_FAST]
"""Of the classical estimate: networks should cope with better and worse ones."""
ENGINE_SHARE = 0.6
"""Share of the samples whose classical estimate is the program's own, if there is one."""
TRIES = 3
"""Windows that are looked at to find one with motion."""
QUEUED = 6
"""Batches that a producer may be ahead."""

Batch = dict[str, np.ndarray]


@dataclass(frozen=True)
class Kind:
    """What is drawn."""

    other_time: int
    """-1 when the other frame is k-1, 1 when it is k+1."""
    shrink: int
    """Source pixels along a side of a cell."""
    camera: float = 0.0
    """Share of the real clips that are seen by a made-up moving camera."""
    unsteady: float = 0.0
    is_sharp: bool = False
    """Both as in `Manner`."""
    flow: Path | None = None
    """See `EngineFlow`."""

    @property
    def manner(self) -> Manner:
        """How made-up things move."""
        return Manner(self.shrink / 2.0, self.unsteady, self.is_sharp)


class ClipSampler:
    """Triplets out of cached clips: steps of 1 to 4 frames, reversed, mirrored and resized."""

    def __init__(self, paths: list[Path], random: np.random.Generator, size: tuple[int, int]) -> None:
        """`paths` are .npy files [n, h, w, 3]; clips from one folder of many short ones count less. Pictures have `size`
        (width, height)."""
        self.size = size
        self.clips = [np.load(path, mmap_mode="r") for path in paths]
        weights = np.array([min(len(clip), 200) for clip in self.clips], float) ** 0.7
        self.weights, self.random = weights / weights.sum(), random

    def draw(self, places: tuple[int, int, int], camera: Path2D | None = None) -> np.ndarray:
        """Pictures [3, h, w, 3] of frame k, the other frame and the one that is wanted, `places` apart in frames, seen by
        a camera that moves if there is one."""
        random = self.random
        clip = self.clips[random.choice(len(self.clips), p=self.weights)]
        low, high = min(places), max(places)
        longest = max((len(clip) - 1) // (high - low), 1)
        step = min(int(random.choice([1, 1, 2, 2, 3, 4])), longest)
        span = step * (high - low)
        start = int(random.integers(0, len(clip) - span))
        indices = [start + step * (place - low) for place in places]
        if random.random() < 0.5:
            indices = [2 * start + span - index for index in indices]
        frames = [clip[index] for index in indices]
        if camera:
            return self._seen(frames, [place / abs(places[1]) for place in places], camera)
        return self._window(frames)

    def _seen(self, frames: list[np.ndarray], times: list[float], camera: Path2D) -> np.ndarray:
        """What a moving camera sees of the frames, mirrored beyond their edges."""
        middle = np.eye(3)
        middle[:2, 2] = [self.random.uniform(0.35, 0.65) * (side - 1.0) for side in frames[0].shape[1::-1]]
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        return np.stack([
            cv2.warpAffine(frame, (middle @ camera.place(time))[:2], self.size, flags=flags, borderMode=cv2.BORDER_REFLECT_101)
            for frame, time in zip(frames, times)
        ])

    def _window(self, frames: list[np.ndarray]) -> np.ndarray:
        """One window of the frames at the training size, rather one that moves."""
        random, (height, width) = self.random, frames[0].shape[:2]
        largest = min(width / self.size[0], height / self.size[1])
        zoom = min(np.exp(random.uniform(np.log(0.75), np.log(1.9))), largest)
        wide, high = int(self.size[0] * zoom), int(self.size[1] * zoom)
        best, most = (0, 0), -1.0
        for _ in range(TRIES if random.random() < 0.7 else 1):
            top, left = int(random.integers(0, height - high + 1)), int(random.integers(0, width - wide + 1))
            a, b = (frame[top : top + high : 8, left : left + wide : 8, 1].astype(np.int16) for frame in frames[:2])
            change = float(np.abs(a - b).mean())
            if change > most:
                best, most = (top, left), change
        top, left = best
        method = cv2.INTER_AREA if zoom > 1.0 else cv2.INTER_LINEAR
        made = np.stack([
            cv2.resize(np.ascontiguousarray(frame[top : top + high, left : left + wide]), self.size, interpolation=method)
            for frame in frames
        ])
        return made


class TripletSampler:
    """Samples of all kinds, mirrored and with changed colours."""

    def __init__(self, cache: Path, kind: Kind, seed: int) -> None:
        """From the folder that `motion_data` filled."""
        self.random, self.kind, self.other_time = np.random.default_rng(seed), kind, kind.other_time
        self.size, self.engine = SIZES[kind.shrink], EngineFlow(kind.flow) if kind.flow else None
        clips = sorted([*cache.glob("clip-*.npy"), *cache.glob("coded-*.npy")])
        self.clips = ClipSampler(clips, self.random, self.size)
        games = sorted(cache.glob("game-*.npy"))
        self.games = ClipSampler(games, self.random, self.size) if games else self.clips
        scenes = np.load(cache / "backgrounds.npy", mmap_mode="r")
        sprites = np.load(cache / "sprites.npy", mmap_mode="r")
        self.scenes = SceneSampler(scenes, sprites, self.size, self.random, kind.manner)

    def batch(self, count: int) -> Batch:
        """`pictures` [n, 3, h, w, 3] (k, other, wanted) as 8-bit codes, `tau` [n], `seed` [n, 2, h/2, w/2] and
        `flows` [n, 4, h, w] in source pixels, `exact` [n]: whether those are known."""
        width, height = self.size
        made = {"pictures": np.empty((count, 3, height, width, 3), np.uint8), "tau": np.empty(count, np.float32),
                "seed": np.empty((count, 2, height // 2, width // 2), np.float32),
                "flows": np.zeros((count, 4, height, width), np.float32), "exact": np.zeros(count, np.float32)}
        for i in range(count):
            kind = self.random.choice(list(SHARES), p=list(SHARES.values()))
            if kind == "scene":
                tau = self._any_time()
                pictures, flows = self.scenes.draw([0.0, float(self.other_time), tau])
                made["exact"][i] = 1.0
            else:
                places = self._places()
                tau = places[2] / abs(places[1])
                camera = self._camera() if kind == "clip" and self.random.random() < self.kind.camera else None
                pictures = (self.clips if kind == "clip" else self.games).draw(places, camera)
                flows = np.zeros((4, height, width), np.float32)
            pictures, flows = self._changed(pictures, flows)
            made["seed"][i] = self._estimate(pictures[0], pictures[1])
            made["pictures"][i], made["flows"][i], made["tau"][i] = pictures, self.kind.shrink / 2.0 * flows, tau
        return made

    def _estimate(self, first: np.ndarray, other: np.ndarray) -> np.ndarray:
        if self.engine and self.random.random() < ENGINE_SHARE:
            return self.engine.estimate(first, other, self.kind.shrink)
        return classical_flow(first, other, self.kind.shrink, int(self.random.choice(PRESETS)))

    def _camera(self) -> Path2D:
        zoom = self.random.uniform(0.9, 1.4)
        path = Path2D(self.random, self.size, self.scenes.velocity(0.1), zoom, self.kind.manner)
        path.angle *= 0.25
        return path

    def _any_time(self) -> float:
        choices = [1.0, 1.0, 0.5, self.random.uniform(0.1, 1.0)] if self.other_time < 0 else \
            [0.5, 0.5, self.random.uniform(0.05, 0.95)]
        return float(self.random.choice(choices))

    def _places(self) -> tuple[int, int, int]:
        """Positions of frame k (0), of the other frame and of the wanted one, in steps."""
        if self.other_time < 0:
            return [(0, -1, 1), (0, -1, 1), (0, -1, 1), (0, -2, 1), (0, -2, 1), (0, -3, 2), (0, -3, 1)][
                self.random.integers(7)]
        return [(0, 2, 1), (0, 2, 1), (0, 3, 1), (0, 3, 2), (0, 4, 1), (0, 4, 3)][self.random.integers(6)]

    def _changed(self, pictures: np.ndarray, flows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mirrored at random, and now and then with other colours and contrast."""
        if self.random.random() < 0.5:
            pictures, flows = pictures[:, :, ::-1], flows[:, :, ::-1] * np.float32([-1, 1, -1, 1])[:, None, None]
        if self.random.random() < 0.25:
            pictures, flows = pictures[:, ::-1], flows[:, ::-1] * np.float32([1, -1, 1, -1])[:, None, None]
        if self.random.random() < 0.3:
            pictures = pictures[..., self.random.permutation(3)]
        if self.random.random() < 0.3:
            gain, lift = self.random.uniform(0.6, 1.2), self.random.uniform(-20.0, 20.0)
            table = np.clip(np.rint(np.arange(256) * gain + lift), 0, 255).astype(np.uint8)
            pictures = table[pictures]
        return pictures, flows


def produce(queue: Queue, cache: Path, kind: Kind, count: int, seed: int) -> None:
    """Fill a queue with batches for ever."""
    cv2.setNumThreads(1)
    sampler = TripletSampler(cache, kind, seed)
    while True:
        queue.put(sampler.batch(count))


class Producers:
    """Processes that draw batches ahead of the training."""

    def __init__(self, cache: Path, kind: Kind, count: int, seeds: list[int]) -> None:
        """One process for each seed; they end with this one."""
        self.queue: Queue = Queue(QUEUED)
        for seed in seeds:
            Process(target=produce, args=(self.queue, cache, kind, count, seed), daemon=True).start()

    def batch(self) -> Batch:
        """The next one."""
        return self.queue.get()
