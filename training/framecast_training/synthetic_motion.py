"""Three pictures of a made-up scene in motion, with the exact displacements between them."""

from dataclasses import dataclass

import cv2
import numpy as np

ACCELERATION = 0.15
"""Typical change of velocity in an interval, as a share of the velocity."""
SHAKE = 0.5
"""Typical jitter of a camera, in source pixels."""


@dataclass(frozen=True)
class Manner:
    """How things move."""

    per_pixel: float
    """Source pixels along a pixel of the pictures."""
    unsteady: float = 0.0
    """Standard deviation of the logarithm of a factor on a layer's acceleration and jitter."""
    is_sharp: bool = False
    """Layers are sampled with a cubic kernel, and backgrounds rather shrunk than enlarged."""


class Path2D:
    """Affine motion of a layer: view coordinates at a time to the layer's own coordinates."""

    def __init__(
        self, random: np.random.Generator, size: tuple[int, int], velocity: np.ndarray, zoom: float, manner: Manner
    ) -> None:
        """`size` is (width, height) of the view; `velocity` of the content in pixels per interval."""
        restless = np.exp(random.normal(0.0, manner.unsteady)) if manner.unsteady else 1.0
        self.centre = np.array(size) / 2.0
        self.velocity = velocity
        self.acceleration = random.normal(0.0, 1.0, 2) * (ACCELERATION * np.hypot(*velocity) + 0.2 / manner.per_pixel)
        self.acceleration *= restless
        still = not velocity.any()
        self.turn = 0.0 if still else random.normal(0.0, 0.012) * random.choice([0.0, 1.0, 3.0])
        self.growth = 0.0 if still else random.normal(0.0, 0.012) * random.choice([0.0, 1.0, 3.0])
        self.angle, self.zoom = random.uniform(-0.4, 0.4), zoom
        self.shake = 0.0 if still else restless * SHAKE / manner.per_pixel * abs(random.normal())
        self.random = random

    def place(self, time: float) -> np.ndarray:
        """The 3x3 matrix from view to layer, the layer's origin being seen in the middle at time 0."""
        shift = self.velocity * time + 0.5 * self.acceleration * time * time
        shift = shift + self.shake * self.random.normal(0.0, 1.0, 2)
        angle, zoom = self.angle + self.turn * time, self.zoom * np.exp(-self.growth * time)
        linear = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = np.eye(3)
        matrix[:2, :2] = linear
        matrix[:2, 2] = -linear @ (self.centre + shift)
        return matrix


class SceneSampler:
    """Backgrounds with cut-outs flying over them."""

    def __init__(
        self, scenes: np.ndarray, sprites: np.ndarray, size: tuple[int, int], random: np.random.Generator, manner: Manner
    ) -> None:
        """`size` is (width, height) of the pictures."""
        self.scenes, self.sprites, self.size, self.random, self.manner = scenes, sprites, size, random, manner
        self.x, self.y = np.meshgrid(np.arange(size[0], dtype=np.float32), np.arange(size[1], dtype=np.float32))

    def draw(self, times: list[float]) -> tuple[np.ndarray, np.ndarray]:
        """Pictures [3, h, w, 3] at the times of frame k, the other frame and the one that is wanted; displacements
        [4, h, w] from that one's pixels to frame k and to the other frame, in these pixels."""
        random = self.random
        camera = self.velocity(0.3)
        layers = [self._background(camera)]
        for _ in range(random.integers(0, 5)):
            layers.append(self._sprite(camera))
        if random.random() < 0.12:
            layers.append(self._sprite(np.zeros(2), overlay=True))

        pictures = np.empty((3, self.size[1], self.size[0], 3), np.float32)
        flows = np.empty((4, self.size[1], self.size[0]), np.float32)
        for texture, path, bend in layers:
            matrices = [path.place(time) for time in times]
            opaque = texture.shape[2] == 3
            for index, (matrix, time) in enumerate(zip(matrices, times)):
                seen = self._look(texture, matrix, bend, time)
                if opaque:
                    pictures[index] = seen
                else:
                    alpha = seen[..., 3:].astype(np.float32) / 255.0
                    pictures[index] += alpha * (seen[..., :3] - pictures[index])
            moved = np.concatenate([self._moved(matrices[i], times[i], matrices[2], times[2], bend) for i in (0, 1)])
            # `seen` is the layer in the picture that is wanted.
            flows = moved if opaque else np.where(seen[..., 3] > 127, moved, flows)
        return self._finished(pictures), flows

    def velocity(self, still: float) -> np.ndarray:
        """None, small or large: at most about 8 % of a 480-line picture's width."""
        if self.random.random() < still:
            return np.zeros(2)
        speed = min(np.exp(self.random.normal(1.5, 1.1)), 34.0) * 2.0 / self.manner.per_pixel
        angle = self.random.uniform(0.0, 2.0 * np.pi)
        # Cameras pan more than they tilt.
        return speed * np.array([np.cos(angle), 0.6 * np.sin(angle)])

    def _background(self, camera: np.ndarray) -> tuple[np.ndarray, Path2D, np.ndarray | None]:
        scene = self.scenes[self.random.integers(len(self.scenes))]
        zoom = self.random.uniform(0.9, 1.7) if self.manner.is_sharp else self.random.uniform(0.6, 1.3)
        path = Path2D(self.random, self.size, camera, zoom, self.manner)
        return scene, path, self._bend(0.1)

    def _sprite(self, camera: np.ndarray, overlay: bool = False) -> tuple[np.ndarray, Path2D, np.ndarray | None]:
        random = self.random
        sprite = self.sprites[random.integers(len(self.sprites))]
        # Filmed things are often followed: they stay while the background moves.
        velocity = random.choice([0.0, 0.3, 1.0]) * camera + self.velocity(0.2) * random.choice([0.3, 1.0])
        zoom = float(np.exp(random.normal(0.3, 0.5)))
        path = Path2D(random, self.size, np.zeros(2) if overlay else velocity, zoom, self.manner)
        path.centre = random.uniform(0.0, 1.0, 2) * self.size
        return sprite, path, None if overlay else self._bend(0.4)

    def _bend(self, share: float) -> np.ndarray | None:
        """A smooth change of shape per interval, as displacements [h, w, 2] in the layer's pixels."""
        if self.random.random() > share:
            return None
        coarse = self.random.normal(0.0, abs(self.random.normal(0.0, 2.5)), (self.random.integers(2, 5), 4, 2))
        return cv2.resize(coarse.astype(np.float32), self.size, interpolation=cv2.INTER_CUBIC)

    def _look(self, texture: np.ndarray, matrix: np.ndarray, bend: np.ndarray | None, time: float) -> np.ndarray:
        """The layer as it is seen at a time."""
        middle = np.eye(3)
        middle[:2, 2] = (np.array(texture.shape[1::-1]) - 1.0) / 2.0
        whole = middle @ matrix
        border = cv2.BORDER_REFLECT_101 if texture.shape[2] == 3 else cv2.BORDER_CONSTANT
        flags = cv2.INTER_CUBIC if self.manner.is_sharp else cv2.INTER_LINEAR
        if bend is None:
            return cv2.warpAffine(texture, whole[:2], self.size, flags=flags | cv2.WARP_INVERSE_MAP, borderMode=border)
        map_x = whole[0, 0] * self.x + whole[0, 1] * self.y + whole[0, 2] + time * bend[..., 0]
        map_y = whole[1, 0] * self.x + whole[1, 1] * self.y + whole[1, 2] + time * bend[..., 1]
        return cv2.remap(texture, map_x.astype(np.float32), map_y.astype(np.float32), flags, borderMode=border)

    def _moved(
        self, there: np.ndarray, time: float, here: np.ndarray, now: float, bend: np.ndarray | None
    ) -> np.ndarray:
        """Displacements [2, h, w] from pixels seen with the matrix `here` to the same content seen with `there`."""
        back = np.linalg.inv(there)
        whole = back @ here
        x = whole[0, 0] * self.x + whole[0, 1] * self.y + whole[0, 2] - self.x
        y = whole[1, 0] * self.x + whole[1, 1] * self.y + whole[1, 2] - self.y
        if bend is not None:
            # The bend is given on the view's grid: the place sought is a fixed point, and two rounds come close.
            change = now * bend
            for _ in range(2):
                sampled = cv2.remap(bend, (self.x + x).astype(np.float32), (self.y + y).astype(np.float32),
                                    cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
                extra = change - time * sampled
                x = whole[0, 0] * self.x + whole[0, 1] * self.y + whole[0, 2] - self.x
                y = whole[1, 0] * self.x + whole[1, 1] * self.y + whole[1, 2] - self.y
                x = x + back[0, 0] * extra[..., 0] + back[0, 1] * extra[..., 1]
                y = y + back[1, 0] * extra[..., 0] + back[1, 1] * extra[..., 1]
        return np.stack([x, y]).astype(np.float32)

    def _finished(self, pictures: np.ndarray) -> np.ndarray:
        """With changes of brightness and noise, as 8-bit codes."""
        random = self.random
        if random.random() < 0.1:
            gains = 1.0 + random.normal(0.0, 0.04, 3)
            pictures = pictures * gains[:, None, None, None].astype(np.float32)
        if random.random() < 0.3:
            noise = random.standard_normal(pictures.shape, np.float32)
            pictures = pictures + abs(random.normal(0.0, 2.5)) * noise
        return np.clip(np.rint(pictures), 0, 255).astype(np.uint8)
