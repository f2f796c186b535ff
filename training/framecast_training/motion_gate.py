"""What the past of a clip adds to a motion network, both computed outside of it: the camera's acceleration, and the gate.

The gate: when frame k+1 arrives, the prediction that was made for its time is compared with it at the field's size. With
own = frame k and pred = the prediction before any gate, d = pred - own and e = truth - own, the mix own + g d with the
smallest squared error has g = sum(e d) / sum(d d). Both sums run over REGION x REGION source pixels, their eight neighbours, and past
frames with weights that fall by MEMORY a frame. The network's own gate has the weight PRIOR beside them: it counts where
nothing moved so far, and after a cut. For another time than 1 the distrust 1 - g is multiplied by it.

The acceleration: a = median over cells of (displacement to k-1, less the displacement from k-1 to k-2 at that place). A share
of it, as large as accelerations have followed each other so far, is taken to go on.
"""

import torch
from torch.nn import functional as F

from .motion_field import LUMA, blended
from .motion_network import warp

REGION = 16
"""Source pixels along one side of a region."""
MEMORY = 0.7
PRIOR = (4.0 / 255.0) ** 2
"""Mean squared difference between prediction and frame k that counts as much as the network's gate."""
ACCELERATION_MEMORY = 0.8
ACCELERATION_PRIOR = 0.5
"""In squared source pixels: below it accelerations are not taken to go on."""
LARGEST_SHARE = 0.8


def cell_luma(picture: torch.Tensor, shrink: int) -> torch.Tensor:
    """Luma [1, 1, h, w] of RGB [1, 3, H, W] for cells of `shrink` pixels along a side, edges repeated to whole cells."""
    luma = torch.einsum("c,nchw->nhw", LUMA, picture).unsqueeze(1)
    padded = F.pad(luma, (0, -luma.shape[3] % shrink, 0, -luma.shape[2] % shrink), mode="replicate")
    return F.avg_pool2d(padded, shrink)


def regions(cells: torch.Tensor, side: int) -> torch.Tensor:
    """Means over regions, `side` cells along a side, and their neighbours."""
    height, width = cells.shape[2:]
    padded = F.pad(cells, (0, -width % side, 0, -height % side), mode="replicate")
    return F.avg_pool2d(F.pad(F.avg_pool2d(padded, side), (1, 1, 1, 1), mode="replicate"), 3, 1)


class CausalGate:
    """Trust in each region, learned from the frames that have arrived."""

    def __init__(self, shrink: int) -> None:
        """No experience: the network's own gate. Cells have `shrink` source pixels along a side."""
        self.shrink, self.side = shrink, REGION // shrink
        self.products, self.squares = torch.zeros(()), torch.zeros(())

    def learn(
        self, field: torch.Tensor, first: torch.Tensor, other: torch.Tensor, truth: torch.Tensor, tau: float
    ) -> None:
        """Compare the prediction of `field`, made of luma cells `first` and `other` for time `tau`, with what came at 1."""
        # For another time than 1 the displacements are continued to 1 at their velocity.
        to_first = warp(first, field[:, 0:2] / (self.shrink * tau))
        to_other = warp(other, field[:, 2:4] * (2.0 / (self.shrink * (1.0 + tau))))
        d = blended(to_first, to_other, field) - first
        self.products = MEMORY * self.products + (1.0 - MEMORY) * regions(d * (truth - first), self.side)
        self.squares = MEMORY * self.squares + (1.0 - MEMORY) * regions(d * d, self.side)

    def trust(self, field: torch.Tensor, tau: float) -> torch.Tensor:
        """Weight [1, 1, h, w] of the prediction of `field` for time `tau` against frame k."""
        own = torch.sigmoid(field[:, 6:7])
        if self.products.dim() == 0:
            return own
        height, width = field.shape[2:]
        sums = torch.cat([self.products, self.squares], 1)
        fine = F.interpolate(sums, scale_factor=self.side, mode="bilinear", align_corners=False)[:, :, :height, :width]
        best = ((fine[:, 0:1] + PRIOR * own) / (fine[:, 1:2] + PRIOR)).clamp(0.0, 1.0)
        return 1.0 - (1.0 - best) * tau


class Camera:
    """The acceleration that the whole picture has in common, and how steady it has been."""

    def __init__(self, shrink: int) -> None:
        """No experience: no acceleration. Cells have `shrink` source pixels along a side."""
        self.shrink = shrink
        self.seed, self.acceleration = None, torch.zeros(2)
        self.products, self.squares = 0.0, 0.0

    def learn(self, seed: torch.Tensor) -> None:
        """Take in the classical estimate [1, 2, h, w] from frame k to k-1."""
        if self.seed is not None:
            change = (seed - warp(self.seed, seed / self.shrink)).flatten(2).median(2)[0][0]
            self.products = ACCELERATION_MEMORY * self.products + float(change @ self.acceleration)
            self.squares = ACCELERATION_MEMORY * self.squares + float(self.acceleration @ self.acceleration)
            self.acceleration = change
        self.seed = seed

    def corrected(self, field: torch.Tensor, tau: float) -> torch.Tensor:
        """The field with the acceleration going on."""
        share = min(max(self.products / (self.squares + ACCELERATION_PRIOR), 0.0), LARGEST_SHARE)
        # The velocity was the mean over the last interval: v t + a (t + t^2) / 2 is the way from frame k on.
        way = 0.5 * (tau + tau * tau) * share * self.acceleration
        return torch.cat([field[:, :4] + way.repeat(2).view(1, 4, 1, 1), field[:, 4:]], 1)
