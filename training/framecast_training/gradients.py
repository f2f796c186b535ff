"""Losses of the fidelity networks, and threads that differentiate them."""

from concurrent.futures import ThreadPoolExecutor

import torch

from .data import PatchSampler
from .network import LumaNet, apply_weights
from .quantised import QuantisedNet, apply_quantised

Network = LumaNet | QuantisedNet
SMOOTHING = 1e-3
"""Charbonnier's epsilon in code / 255."""
EDGE_CELLS, EDGE_WEIGHT = 4, 0.25
"""Cells within the receptive radius of a patch edge see padding; they count less."""


def charbonnier(error: torch.Tensor) -> torch.Tensor:
    """A smooth absolute error."""
    return torch.sqrt(error * error + SMOOTHING**2)


def squared(error: torch.Tensor) -> torch.Tensor:
    """The error that PSNR measures, scaled to gradients of Charbonnier's size."""
    return error * error * 30.0


def edge_weights(cells: int) -> torch.Tensor:
    """Weights [cells, cells] with mean 1, smaller near the edge."""
    weights = torch.full((cells, cells), EDGE_WEIGHT)
    weights[EDGE_CELLS:-EDGE_CELLS, EDGE_CELLS:-EDGE_CELLS] = 1.0
    return weights / weights.mean()


class GradientWorkers:
    """Threads that each draw a share of the batch and differentiate the folded network on it."""

    def __init__(self, samplers: list[PatchSampler], share: int, precision: torch.dtype, quantised: bool) -> None:
        """`share` is the number of patches for each sampler, and so for each thread; `precision` is the convolutions'."""
        self.samplers, self.share, self.precision, self.quantised = samplers, share, precision, quantised
        self.loss = charbonnier
        self.weighting = edge_weights(samplers[0].patch // 2)
        self.pool = ThreadPoolExecutor(len(samplers))

    def differentiate(self, network: Network) -> float:
        """Add the gradients of the mean loss to the parameters of `network`; returns that loss."""
        folded = network.weights()
        leaves = [tensor.detach() for tensor in folded]
        results = list(self.pool.map(lambda sampler: self._share_of(sampler, leaves), self.samplers))
        gradients = [sum(shares) / len(results) for shares in zip(*(gradient for _, gradient in results))]
        torch.autograd.backward(folded, gradients)
        return sum(loss for loss, _ in results) / len(results)

    def _share_of(self, sampler: PatchSampler, leaves: list[torch.Tensor]) -> tuple[float, tuple[torch.Tensor, ...]]:
        source, target = (t.contiguous(memory_format=torch.channels_last) for t in sampler.batch(self.share))
        source = source.to(self.precision)
        weights = [leaf.clone().requires_grad_() for leaf in leaves]
        if self.quantised:
            made = apply_quantised(source, weights)
        else:
            made = apply_weights(source, [weight.to(self.precision) for weight in weights])
        loss = (self.loss(made.float() - target) * self.weighting).mean()
        return loss.item(), torch.autograd.grad(loss, weights)
