"""The motion network: coarse to fine, warped to the moment that is wanted; one description for PyTorch and for ONNX."""

from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from torch import nn
from torch.nn import functional as F

Tensor = TypeVar("Tensor")

PLANES = 6
"""Channels of one frame: 4 of luma at half size, 2 of chroma at quarter size."""
TAU = 2 * PLANES
"""Channel of the time that is wanted."""
SEED = TAU + 1
"""First of two channels with a classical estimate: where the content of a cell lies in the other frame, less where it lies
in frame k, in units of SEED_UNIT source pixels. On frame k's grid until `traced`, then at the moment that is wanted."""
SEED_UNIT = 16.0
CHANNELS = 16
"""Channels of the network's input."""
FIELD = 8
"""Channels of the network's output."""
RADIUS = 2
"""Largest correction of a displacement, in cells of its level, that is tried."""
CORRELATIONS = (2 * RADIUS + 1) ** 2
VARIANCE_FLOOR = 1e-3
"""Added to the variance of a cell's features, so that flat areas do not match by their noise alone."""
FLOW_INPUT = 0.125
"""Displacements in cells are scaled by this before a convolution sees them."""
ROUNDS = 2
"""Of the fixed point of `traced`."""


@dataclass(frozen=True)
class Level:
    """Channels of the layers of one level."""

    features: int
    matched: int
    """The first ones of the features, which are warped and compared."""
    match: int
    refine: int = 0
    """Of a second layer; the finest level may be without one."""
    handed: int = 0
    """Handed to the next finer level beside the motion."""


@dataclass(frozen=True)
class Design:
    """What distinguishes one motion network from another."""

    levels: dict[int, Level]
    """From fine to coarse; cells of level n have 2^n source pixels along a side. The finest level's cells are the field's."""

    @property
    def finest(self) -> int:
        """The first level."""
        return min(self.levels)

    @property
    def coarsest(self) -> int:
        """The last level."""
        return max(self.levels)

    @property
    def shrink(self) -> int:
        """Source pixels along one side of a cell of the field."""
        return 1 << self.finest

    @property
    def multiple(self) -> int:
        """Width and height of the input, in cells, are multiples of it."""
        return 1 << (self.coarsest - self.finest)

    def layers(self) -> dict[str, "Layer"]:
        """The convolutions by name, which ends with their level (but for the last one, `field`)."""
        made, finest = {}, self.finest
        for number, level in self.levels.items():
            coarser = self.levels.get(number + 1)
            handed = {"handed": coarser.handed + 2} if coarser else {}
            motion = {**handed, "velocity": 2, "tau": 1}
            if number == finest:
                made[f"encode{number}"] = Layer({"planes": PLANES}, level.features)
                seen = {"first": level.matched, "other": level.matched, **motion, "spare": 1}
                made[f"match{number}"] = Layer(seen, level.match)
                if level.refine:
                    made[f"refine{number}"] = Layer({"hidden": level.match}, level.refine)
                made["field"] = Layer({"hidden": level.refine or level.match}, FIELD, linear=True)
                continue
            made[f"halve{number}"] = Layer({"finer": self.levels[number - 1].features}, level.features, stride=2)
            made[f"encode{number}"] = Layer({"halved": level.features}, level.features)
            seen = {"correlations": CORRELATIONS, "first": level.matched, **motion}
            made[f"match{number}"] = Layer(seen, level.match)
            made[f"refine{number}"] = Layer({"hidden": level.match}, level.refine)
            made[f"finer{number}"] = Layer({"hidden": level.refine}, 4 * (level.handed + 2), linear=True)
        return made


@dataclass(frozen=True)
class Layer:
    """A 3x3 convolution, with a ReLU unless it is linear."""

    inputs: dict[str, int]
    """What it sees, in this order, and how many channels each."""
    outputs: int
    stride: int = 1
    linear: bool = False
    """These start near zero, so that training starts at the classical estimate."""

    @property
    def channels(self) -> int:
        """All inputs."""
        return sum(self.inputs.values())


DESIGNS = {
    "live": Design({2: Level(16, 8, 32), 3: Level(32, 16, 32, 32, 10), 4: Level(32, 32, 64, 48, 18),
                    5: Level(64, 64, 64, 64, 18)}),
    # Each level but the coarsest has the matched channels of the next coarser one of `live`, whose weights it starts with.
    "quality": Design({1: Level(16, 8, 64, 48), 2: Level(64, 16, 64, 64, 14), 3: Level(64, 32, 64, 64, 22),
                       4: Level(64, 64, 64, 64, 22), 5: Level(64, 64, 64, 64, 22)}),
}


class Operations(Protocol[Tensor]):
    """What the network is made of. Pictures are [n, channels, height, width], displacements in cells of their level."""

    def layer(self, name: str, x: Tensor) -> Tensor:
        """The 3x3 convolution of that name, with its ReLU."""

    def finer(self, name: str, x: Tensor) -> Tensor:
        """The same, then depth to space by 2: channel 4c + 2dy + dx becomes cell (2y + dy, 2x + dx) of channel c."""

    def resting(self, like: Tensor) -> Tensor:
        """The network's pattern `resting` repeated to the size of `like`."""

    def join(self, parts: list[Tensor]) -> Tensor:
        """Side by side along the channels."""

    def channels(self, x: Tensor, first: int, last: int) -> Tensor:
        """Channels first..last."""

    def halves(self, x: Tensor) -> Tensor:
        """The first half of the channels, then the second one, along the batch."""

    def paired(self, x: Tensor) -> Tensor:
        """Undoes `halves`."""

    def unstack(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The halves of the batch."""

    def every(self, x: Tensor, step: int) -> Tensor:
        """Every step-th row and column."""

    def corner(self, x: Tensor) -> Tensor:
        """The first cell, [n, channels, 1, 1]."""

    def affine(self, x: Tensor, factor: float, offset: float) -> Tensor:
        """factor * x + offset."""

    def times(self, x: Tensor, y: Tensor) -> Tensor:
        """The product."""

    def times_each(self, x: Tensor, y: Tensor) -> Tensor:
        """The product of `x` with the first half of the batch of `y` [2n, 1, 1, 1], then with the second one."""

    def plus(self, x: Tensor, y: Tensor) -> Tensor:
        """The sum."""

    def shrunk(self, x: Tensor) -> Tensor:
        """Means of 2x2 cells."""

    def enlarged(self, x: Tensor) -> Tensor:
        """Twice the size, bilinear."""

    def warped(self, x: Tensor, flow: Tensor, channels: int) -> Tensor:
        """`x` with so many channels sampled bilinearly at each cell's place plus `flow` (dx, dy), the border repeated."""

    def standardised(self, x: Tensor, channels: int) -> Tensor:
        """Mean 0 and variance 1 over the channels, of which there are so many, of each cell."""

    def correlated(self, a: Tensor, b: Tensor, channels: int, radius: int) -> Tensor:
        """Channel (2 radius + 1) * (dy + radius) + dx + radius is the mean over channels of a(y, x) b(y + dy, x + dx)."""


def estimate(
    ops: Operations[Tensor], design: Design, frames: Tensor, other_time: float, awake: int | None = None
) -> tuple[Tensor, list[Tensor]]:
    """The motion field of traced `frames`, and the velocities that the levels end with, in cells of the next finer one.

    `other_time` is when the other frame was taken, frame k being at 0: -1 to extrapolate, 1 to interpolate. At each level
    the velocity is the classical estimate plus a correction, both on the grid of the moment that is wanted. Levels coarser
    than `awake` are left out: what they would hand on is a constant.
    """
    finest, coarsest = design.finest, design.coarsest
    awake = coarsest if awake is None else awake
    tau_plane = ops.channels(frames, TAU, TAU + 1)
    to_first = ops.affine(ops.corner(tau_plane), -1.0, 0.0)
    to_other = ops.affine(to_first, 1.0, other_time)
    to_each = ops.halves(ops.join([to_first, to_other]))
    estimated = ops.affine(ops.channels(frames, SEED, SEED + 2), other_time * SEED_UNIT / design.shrink, 0.0)
    seeds = {finest: estimated}
    features = {finest: ops.layer(f"encode{finest}", ops.halves(ops.channels(frames, 0, 2 * PLANES)))}
    for level in range(finest + 1, awake + 1):
        features[level] = ops.layer(f"encode{level}", ops.layer(f"halve{level}", features[level - 1]))
        seeds[level] = ops.affine(ops.shrunk(seeds[level - 1]), 0.5, 0.0)

    velocity, correction, handed, velocities = seeds[awake], None, [], []
    if awake < coarsest:
        constant, count = ops.resting(velocity), design.levels[awake + 1].handed + 2
        handed, correction = [ops.channels(constant, 0, count)], ops.channels(constant, count, count + 2)
        velocity = ops.plus(velocity, correction)
    for level in range(awake, finest - 1, -1):
        channels = design.levels[level].matched
        matched = ops.channels(features[level], 0, channels)
        # Standardised features match from the first step of training on, random as they are, whatever the brightness.
        matched = matched if level == finest else ops.standardised(matched, channels)
        matched = ops.warped(matched, ops.times_each(velocity, to_each), channels)
        motion = [*handed, ops.affine(velocity, FLOW_INPUT, 0.0), ops.every(tau_plane, 1 << (level - finest))]
        if level == finest:
            break
        first, other = ops.unstack(matched)
        seen = ops.join([ops.correlated(first, other, channels, RADIUS), first, *motion])
        handed = [ops.finer(f"finer{level}", ops.layer(f"refine{level}", ops.layer(f"match{level}", seen)))]
        change = ops.channels(handed[0], 0, 2)
        correction = change if correction is None else ops.plus(ops.affine(ops.enlarged(correction), 2.0, 0.0), change)
        velocity = ops.plus(seeds[level - 1], correction)
        velocities.append(velocity)

    spare = ops.channels(frames, CHANNELS - 1, CHANNELS)
    hidden = ops.layer(f"match{finest}", ops.join([ops.paired(matched), *motion, spare]))
    hidden = ops.layer(f"refine{finest}", hidden) if design.levels[finest].refine else hidden
    head = ops.layer("field", hidden)
    velocity = ops.affine(ops.plus(velocity, ops.channels(head, 0, 2)), design.shrink, 0.0)
    to_k = ops.times(velocity, to_first)
    to_the_other = ops.plus(ops.times(velocity, to_other), ops.channels(head, 2, 4))
    return ops.join([to_k, to_the_other, ops.channels(head, 4, FIELD)]), velocities


class TorchOperations:
    """The operations in PyTorch: convolutions in `precision`, places in single precision."""

    def __init__(
        self, layers: nn.ModuleDict, linear: dict[str, bool], pattern: torch.Tensor | None, precision: torch.dtype
    ) -> None:
        """`layers` are the convolutions by name, `linear` says which have no ReLU; `pattern` is what `resting` repeats."""
        self.layers, self.linear, self.pattern, self.precision = layers, linear, pattern, precision

    def layer(self, name: str, x: torch.Tensor) -> torch.Tensor:
        convolution = self.layers[name]
        weight, bias = convolution.weight.to(self.precision), convolution.bias.to(self.precision)
        x = x.to(self.precision).contiguous(memory_format=torch.channels_last)
        x = F.conv2d(x, weight, bias, convolution.stride, padding=1)
        return x.float() if self.linear[name] else F.relu(x)

    def finer(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return F.pixel_shuffle(self.layer(name, x), 2)

    def resting(self, like: torch.Tensor) -> torch.Tensor:
        height, width = like.shape[2:]
        repeats = [-(-side // part) for side, part in zip((height, width), self.pattern.shape[1:])]
        return self.pattern.repeat(like.shape[0], 1, 1, 1).repeat(1, 1, *repeats)[:, :, :height, :width]

    def join(self, parts: list[torch.Tensor]) -> torch.Tensor:
        smallest = self.precision if any(part.dtype == self.precision for part in parts) else torch.float32
        return torch.cat([part.to(smallest) for part in parts], 1)

    def channels(self, x: torch.Tensor, first: int, last: int) -> torch.Tensor:
        return x[:, first:last]

    def halves(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat(x.chunk(2, 1))

    def paired(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat(x.chunk(2), 1)

    def unstack(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x.chunk(2)

    def every(self, x: torch.Tensor, step: int) -> torch.Tensor:
        return x[:, :, ::step, ::step]

    def corner(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :, :1, :1]

    def affine(self, x: torch.Tensor, factor: float, offset: float) -> torch.Tensor:
        return x * factor + offset

    def times(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return x * y

    def times_each(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.cat([x * half for half in y.chunk(2)])

    def plus(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return x + y

    def shrunk(self, x: torch.Tensor) -> torch.Tensor:
        return F.avg_pool2d(x, 2)

    def enlarged(self, x: torch.Tensor) -> torch.Tensor:
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)

    def warped(self, x: torch.Tensor, flow: torch.Tensor, channels: int) -> torch.Tensor:
        return warp(x.float().contiguous(), flow).to(x.dtype)

    def standardised(self, x: torch.Tensor, channels: int) -> torch.Tensor:
        cells = x.permute(0, 2, 3, 1)
        return F.layer_norm(cells, (channels,), eps=VARIANCE_FLOOR).permute(0, 3, 1, 2)

    def correlated(self, a: torch.Tensor, b: torch.Tensor, channels: int, radius: int) -> torch.Tensor:
        count, height, width = a.shape[0], *a.shape[2:]
        rows = a.permute(0, 2, 3, 1).reshape(count * height, width, channels)
        padded = F.pad(b, (radius,) * 4).permute(0, 2, 1, 3)
        side, wide = 2 * radius + 1, width + 2 * radius
        parts = []
        for dy in range(side):
            # All products of two rows at once; those with 0 <= x' - x < side are kept.
            products = torch.bmm(rows, padded[:, dy : dy + height].reshape(count * height, channels, wide))
            parts.append(products.as_strided((count, height, width, side), (height * width * wide, width * wide, wide + 1, 1)))
        return torch.cat(parts, 3).permute(0, 3, 1, 2) / channels


def warp(pictures: torch.Tensor, flow: torch.Tensor) -> torch.Tensor:
    """Pictures [n, c, h, w] sampled bilinearly at their own grid plus `flow` [n, 2, h, w] pixels, the border repeated."""
    height, width = pictures.shape[2:]
    x = torch.arange(width, dtype=torch.float32).view(1, 1, width) + flow[:, 0]
    y = torch.arange(height, dtype=torch.float32).view(1, height, 1) + flow[:, 1]
    grid = torch.stack([(2.0 * x + 1.0) / width - 1.0, (2.0 * y + 1.0) / height - 1.0], 3)
    return F.grid_sample(pictures, grid, mode="bilinear", padding_mode="border", align_corners=False)


def traced(frames: torch.Tensor, design: Design, other_time: float) -> torch.Tensor:
    """The network's input with the classical estimate of what moves to each cell until the moment that is wanted."""
    estimated = frames[:, SEED : SEED + 2]
    back = frames[:, TAU : TAU + 1] * (-other_time * SEED_UNIT / design.shrink)
    made = estimated
    for _ in range(ROUNDS):
        # Half the step: near edges of motion the whole one goes to and fro.
        made = 0.5 * (made + warp(estimated.contiguous(), made * back))
    return torch.cat([frames[:, :SEED], made, frames[:, SEED + 2 :]], 1)


class MotionNet(nn.Module):
    """Two frames, a classical estimate of the motion between them and a time to the motion field of that time."""

    def __init__(self, name: str, other_time: float) -> None:
        """`name` is one of `DESIGNS`; `other_time`: -1 when the other frame is k-1, 1 when it is k+1."""
        super().__init__()
        self.name, self.design, self.other_time, self.precision = name, DESIGNS[name], other_time, torch.float32
        self.awake = self.design.coarsest
        self.register_buffer("pattern", None)
        self.layers = nn.ModuleDict()
        self.linear = {}
        for name, layer in self.design.layers().items():
            made = nn.Conv2d(layer.channels, layer.outputs, 3, layer.stride, padding=1)
            nn.init.kaiming_normal_(made.weight, nonlinearity="relu")
            nn.init.zeros_(made.bias)
            if layer.linear:
                made.weight.data *= 0.05
            self.layers[name], self.linear[name] = made, layer.linear
        # At first the other frame counts little, the error is about 0.05, and the gate is nearly open.
        self.layers["field"].bias.data[4:7] = torch.tensor([-2.0, -3.0, 2.0])

    @property
    def multiple(self) -> int:
        """Width and height of the input, in cells, are multiples of it."""
        return 1 << (self.awake - self.design.finest)

    def forward(self, frames: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """See [`estimate`]; `frames` are not traced yet."""
        operations = TorchOperations(self.layers, self.linear, self.pattern, self.precision)
        return estimate(operations, self.design, traced(frames, self.design, self.other_time), self.other_time, self.awake)

    @torch.no_grad()
    def rest(self, awake: int) -> None:
        """Leave out the levels coarser than `awake`, whose last hidden layers are taken to be zero.

        What they hand on is what `finer` makes of that: its biases, which become `pattern` together with the correction.
        """
        if awake == self.awake:
            return
        side, correction = 8, None
        for level in range(self.awake, awake, -1):
            bias = self.layers[f"finer{level}"].bias.view(1, -1, 1, 1)
            handed = F.pixel_shuffle(bias.expand(1, -1, side, side), 2)
            if correction is not None:
                correction = 2.0 * F.interpolate(correction, scale_factor=2, mode="bilinear", align_corners=False)
            correction = handed[:, :2] if correction is None else correction + handed[:, :2]
            side *= 2
        # Away from the borders this repeats.
        period = 1 << (self.awake - awake)
        self.pattern = torch.cat([handed, correction], 1)[0, :, side // 2 :, side // 2 :][:, :period, :period].clone()
        for level in range(self.awake, awake, -1):
            for name in ("halve", "encode", "match", "refine", "finer"):
                del self.layers[f"{name}{level}"]
        self.awake = awake
