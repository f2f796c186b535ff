"""The contract of motion networks: what goes in, and how pictures are made of the field that comes out."""

import cv2
import numpy as np
import torch
from torch.nn import functional as F

from .data import MEAN, space_to_depth
from .motion_network import SEED_UNIT, warp

LUMA = torch.tensor([0.299, 0.587, 0.114])
BLUE_RANGE, RED_RANGE = 1.772, 1.402
"""BT.601: (B - Y) and (R - Y) are divided by these."""


def frame_planes(pictures: torch.Tensor) -> torch.Tensor:
    """RGB [n, 3, 2h, 2w] in 0..1, with 2x2 pixels to a cell, to the network's planes of one frame [n, 6, h, w]."""
    luma = torch.einsum("c,nchw->nhw", LUMA, pictures)
    cells = F.avg_pool2d(pictures, 2)
    grey = F.avg_pool2d(luma.unsqueeze(1), 2)[:, 0]
    blue, red = (cells[:, 2] - grey) / BLUE_RANGE, (cells[:, 0] - grey) / RED_RANGE
    return torch.cat([space_to_depth(luma, 2) - MEAN, torch.stack([blue, red], 1)], 1)


def classical_flow(
    first: np.ndarray, other: np.ndarray, shrink: int, preset: int = cv2.DISOPTICAL_FLOW_PRESET_MEDIUM
) -> np.ndarray:
    """Where the content of each pixel of RGB codes [2h, 2w, 3] lies in the other picture: means over cells of 2x2 pixels
    [2, h, w], in source pixels, of which `shrink` go along a cell (DIS, dense inverse search)."""
    grey = (cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY) for picture in (first, other))
    flow = cv2.DISOpticalFlow_create(preset).calc(*grey, None)
    height, width = (side // 2 for side in flow.shape[:2])
    return 0.5 * shrink * flow[: 2 * height, : 2 * width].reshape(height, 2, width, 2, 2).mean((1, 3)).transpose(2, 0, 1)


def network_input(first: torch.Tensor, other: torch.Tensor, tau: torch.Tensor, seed: torch.Tensor) -> torch.Tensor:
    """The network's input [n, 16, h, w] from RGB pictures of frame k and the other one, 2x2 pixels to a cell, times [n] and a classical
    estimate [n, 2, h, w] in source pixels."""
    planes = [frame_planes(first), frame_planes(other)]
    time = tau.view(-1, 1, 1, 1).expand(-1, 1, *seed.shape[2:])
    return torch.cat([*planes, time, seed / SEED_UNIT, torch.zeros_like(time)], 1)


def at_size_of(field: torch.Tensor, pictures: torch.Tensor, side: int) -> torch.Tensor:
    """Channels of a field enlarged to pictures that are `side` times as large, less what sticks out."""
    large = field
    if side > 1:
        large = F.interpolate(field, scale_factor=side, mode="bilinear", align_corners=False)
    return large[:, :, : pictures.shape[2], : pictures.shape[3]]


def samples(
    field: torch.Tensor, first: torch.Tensor, other: torch.Tensor, shrink: int, side: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What the field fetches from frame k and from the other frame, at the pictures' size, and the field at that size.

    Cells have `shrink` pixels of the source along a side and `side` pixels of these pictures.
    """
    fine = at_size_of(field, first, side)
    scale = side / shrink
    return warp(first, fine[:, 0:2] * scale), warp(other, fine[:, 2:4] * scale), fine


def blended(from_first: torch.Tensor, from_other: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:
    """The prediction before the gate."""
    return torch.lerp(from_first, from_other, torch.sigmoid(fine[:, 4:5]))


def gated(prediction: torch.Tensor, first: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:
    """The prediction where the network trusts it, frame k's own pixels where it does not."""
    return torch.lerp(first, prediction, torch.sigmoid(fine[:, 6:7]))
