"""Losses of motion networks."""

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from .motion_field import blended, gated, samples
from .motion_network import warp

SMOOTHING = 2e-3
"""Charbonnier's epsilon in code / 255."""
GATED, COARSE, EXACT, SMOOTH, LIKELIHOOD = 1.0, 0.15, 0.002, 0.001, 0.03
RELATIVE_FLOOR = 5e-4
"""Mean squared error (33 dB) below which a picture counts less."""
EARLY = 3.0
"""Weights beside the blended prediction: of the gated output, the coarser levels, the exact
displacements, the smoothness, and the likelihood of the error under the predicted scale. Exact displacements count
EARLY times as much while pictures are judged at a quarter of the size: matching is learned from them."""
EDGE_FALL = 20.0
"""How fast the smoothness term fades where the picture has edges."""


@dataclass
class Triplets:
    """RGB pictures in 0..1, 2x2 pixels to a cell of the finest level, and what is known about their motion."""

    shrink: int
    """Source pixels along a side of such a cell."""

    first: torch.Tensor
    other: torch.Tensor
    wanted: torch.Tensor
    tau: torch.Tensor
    flows: torch.Tensor
    """[n, 4, h, w] from the wanted picture to frame k and to the other one, in source pixels."""
    exact: torch.Tensor
    """[n]: 1 where `flows` are known, else 0."""
    seed: torch.Tensor
    """[n, 2, h, w] of cells: a classical estimate from frame k to the other one, in source pixels."""

    def halved(self) -> "Triplets":
        """The same at half the size."""
        small = (F.avg_pool2d(plane, 2) for plane in (self.first, self.other, self.wanted, self.flows))
        first, other, wanted, flows = small
        return Triplets(self.shrink, first, other, wanted, self.tau, flows, self.exact, self.seed)


def charbonnier(error: torch.Tensor) -> torch.Tensor:
    """A smooth absolute error."""
    return torch.sqrt(error * error + SMOOTHING**2)


def absolute(error: torch.Tensor) -> torch.Tensor:
    """The mean of Charbonnier's error."""
    return charbonnier(error).mean()


def squared(error: torch.Tensor) -> torch.Tensor:
    """The mean squared error, scaled to gradients of Charbonnier's size."""
    return 12.0 * error.square().mean()


def relative(error: torch.Tensor) -> torch.Tensor:
    """The mean over pictures of what PSNR measures: all count the same, however hard they are to predict."""
    return 0.05 * torch.log(error.square().mean((1, 2, 3)) / RELATIVE_FLOOR + 1.0).mean()


def smoothness(field: torch.Tensor, cells: Triplets) -> torch.Tensor:
    """Mean change of the displacements from cell to cell, where the picture is smooth too."""
    total = torch.zeros(())
    for axis in (2, 3):
        edges = cells.wanted.diff(dim=axis).abs().mean(1, keepdim=True)
        total = total + (field[:, :4].diff(dim=axis).abs() * torch.exp(-EDGE_FALL * edges)).mean()
    return total


def flow_error(flows: torch.Tensor, truth: Triplets) -> torch.Tensor:
    """Mean distance [n] in source pixels of displacements [n, 4, h, w] from exact ones, 0 where those are not known."""
    difference = flows - truth.flows
    squares = difference * difference
    distance = (torch.stack([squares[:, 0] + squares[:, 1], squares[:, 2] + squares[:, 3]]) + 0.04).sqrt()
    return distance.mean((0, 2, 3)) * truth.exact


def coarse_loss(velocities: list[torch.Tensor], cells: Triplets, other_time: float, exact: float) -> torch.Tensor:
    """Error of the coarser levels' samples, each at its level's size, and of their displacements where known, weighted
    with `exact`."""
    tau = cells.tau.view(-1, 1, 1, 1)
    total, level, cell = torch.zeros(()), cells, cells.shrink
    for velocity in reversed(velocities):
        if velocity.shape[2] < level.first.shape[2]:
            level, cell = level.halved(), 2 * cell
        flows = torch.cat([velocity * -tau, velocity * (other_time - tau)], 1)
        error = charbonnier(warp(level.first, flows[:, :2]) - level.wanted).mean()
        error = error + charbonnier(warp(level.other, flows[:, 2:]) - level.wanted).mean()
        total = total + COARSE * error + exact * flow_error(flows * cell, level).mean()
    return total


def loss(
    field: torch.Tensor, velocities: list[torch.Tensor], truth: Triplets, other_time: float, judge: callable, fine: bool,
    single: float, exact: float,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """The sum to minimise, and what to report; `judge` is [`absolute`], [`squared`] or [`relative`], `single` the weight of frame
    k's sample alone, and `exact` a factor on the weight of the field's distance from exact displacements.

    Predictions are judged at two pixels along a cell if `fine`, else at one, which costs a quarter.
    """
    small = truth.halved()
    judged, side = (truth, 2) if fine else (small, 1)
    from_first, from_other, cells = samples(field, judged.first, judged.other, truth.shrink, side)
    prediction = blended(from_first, from_other, cells)
    error = prediction - judged.wanted
    total = judge(error) + GATED * judge(gated(prediction, judged.first, cells) - judged.wanted)
    total = total + single * (from_first - judged.wanted).abs().mean()
    size, log_scale = error.detach().abs().mean(1, keepdim=True), cells[:, 5:6]
    likelihood = (log_scale + size * torch.exp(-log_scale)).mean()
    distance = flow_error(field[:, :4], small)
    total = total + LIKELIHOOD * likelihood + SMOOTH * smoothness(field, small)
    weight = EXACT if fine else EARLY * EXACT
    total = total + exact * weight * distance.mean() + coarse_loss(velocities, small, other_time, weight)
    report = {"error": error.detach().square().mean(), "scale": likelihood.detach(),
              "exact": distance.detach().sum() / truth.exact.sum().clamp(min=1.0)}
    return total, report
