"""Quantisation-aware training (LSQ, Esser et al. 2020): 8-bit activations, 7-bit weights per output channel.

Weights keep to -64..63 because processors without VNNI add pairs of products in 16 bits, which 8-bit weights overflow.
"""

import torch
from torch import nn
from torch.nn import functional as F

from .network import LumaNet

INPUT_SCALE, INPUT_ZERO = 1.0 / 255.0, 115
"""Input elements are code / 255 - 0.45: a quarter of a code away from (code - 115) / 255, so no code is lost."""
ACTIVATION_CODES, OUTPUT_ZERO = 255, 128
WEIGHT_CODES = 63


class RoundStraight(torch.autograd.Function):
    """Rounding whose gradient is that of the identity."""

    @staticmethod
    def forward(context: object, x: torch.Tensor) -> torch.Tensor:
        """Round to nearest, halves to even, as ONNX's QuantizeLinear does."""
        return torch.round(x)

    @staticmethod
    def backward(context: object, gradient: torch.Tensor) -> torch.Tensor:
        """Pass the gradient on."""
        return gradient


def weight_scales(kernel: torch.Tensor) -> torch.Tensor:
    """Step of each output channel's codes, [out, 1, 1, 1]."""
    return kernel.detach().abs().amax(dim=(1, 2, 3), keepdim=True).clamp_min(1e-8) / WEIGHT_CODES


def apply_quantised(x: torch.Tensor, leaves: list[torch.Tensor]) -> torch.Tensor:
    """As `network.apply_weights` with rounding; `leaves` end with the steps of every layer's output.

    Convolutions see whole numbers below 256, which bfloat16 holds exactly, so their precision may be any.
    """
    *weights, steps = leaves
    precision, steps = x.dtype, steps.float()
    codes, step_in, zero = torch.round(x.float() / INPUT_SCALE + INPUT_ZERO).clamp(0, 255), INPUT_SCALE, INPUT_ZERO
    for layer, (kernel, bias) in enumerate(zip(weights[::2], weights[1::2])):
        kernel, bias = kernel.float(), bias.float()
        scales = weight_scales(kernel)
        integer = RoundStraight.apply(kernel / scales)
        # Padding is zero after the zero point was taken off.
        sums = F.conv2d((codes - zero).to(precision), integer.to(precision), padding=1).float()
        values = sums * (step_in * scales.view(1, -1, 1, 1)) + bias.view(1, -1, 1, 1)
        step = steps[layer]
        last = layer == len(weights) // 2 - 1
        low, high = (-OUTPUT_ZERO, ACTIVATION_CODES - OUTPUT_ZERO) if last else (0, ACTIVATION_CODES)
        codes, step_in, zero = RoundStraight.apply((values / step).clamp(low, high)), step, 0
    return codes * step_in


class QuantisedNet(nn.Module):
    """A LumaNet with the steps of its activations."""

    def __init__(self, network: LumaNet, largest: list[float]) -> None:
        """`largest` is the size of the largest activation after each layer of the network."""
        super().__init__()
        self.network = network
        codes = [ACTIVATION_CODES] * (len(largest) - 1) + [ACTIVATION_CODES - OUTPUT_ZERO]
        self.log_steps = nn.Parameter(torch.log(torch.tensor(largest) / torch.tensor(codes)))

    def weights(self) -> list[torch.Tensor]:
        """Folded kernels and biases, then the steps."""
        return [*self.network.weights(), torch.exp(self.log_steps)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As [`LumaNet.forward`], rounded as the exported network rounds."""
        return apply_quantised(x, self.weights())


def largest_activations(network: LumaNet, x: torch.Tensor, share: float = 0.9999) -> list[float]:
    """Size that `share` of the activations after each layer do not exceed, on a batch."""
    largest, weights = [], network.weights()
    with torch.no_grad():
        for layer, (kernel, bias) in enumerate(zip(weights[::2], weights[1::2])):
            x = F.conv2d(x, kernel, bias, padding=1)
            if layer < len(weights) // 2 - 1:
                x = F.relu(x)
            sizes = x.abs().flatten()
            largest.append(float(sizes.kthvalue(int(share * sizes.numel())).values))
    return largest
