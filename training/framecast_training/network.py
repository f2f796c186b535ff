"""The plain 3x3 luma network, trained with over-complete kernels that fold into plain ones."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from .resize import cubic_kernel

PIXELS = 4
"""Channels 0..3 of every hidden layer start as a copy of the input pixels."""
LIFT = 0.5
"""Added to the copied pixels, so that the ReLU never cuts them."""


class FoldedConv(nn.Module):
    """A 3x3 convolution whose kernel is base + mix x expand; only the folded kernel is ever applied."""

    def __init__(self, base: torch.Tensor, bias: torch.Tensor, width: int, deviation: float) -> None:
        """`base` [out, in, 3, 3] stays fixed; the learned part starts with `deviation` per weight."""
        super().__init__()
        outputs, inputs = base.shape[:2]
        self.register_buffer("base", base)
        spread = 1.0 / math.sqrt(9 * inputs)
        self.expand = nn.Parameter(torch.randn(width, inputs * 9) * spread)
        self.mix = nn.Parameter(torch.randn(outputs, width) * deviation / (spread * math.sqrt(width)))
        self.bias = nn.Parameter(bias)

    def kernel(self) -> torch.Tensor:
        """The folded kernel [out, in, 3, 3]."""
        return self.base + (self.mix @ self.expand).view_as(self.base)


def identity_base(outputs: int, inputs: int) -> torch.Tensor:
    """A kernel [out, in, 3, 3] that copies channel c to channel c."""
    base = torch.zeros(outputs, inputs, 3, 3)
    shared = range(min(outputs, inputs))
    base[shared, shared, 1, 1] = 1.0
    return base


def cubic_base(inputs: int, scale: int) -> torch.Tensor:
    """The kernel [(2 scale)^2, in, 3, 3] that turns copied pixels into cubic minus nearest enlargement."""
    block = 2 * scale
    axis = torch.zeros(block, 6)
    for phase in range(block):
        centre = 2 + (phase + 0.5) / scale - 0.5
        axis[phase] = torch.tensor([float(cubic_kernel(tap - centre)) for tap in range(6)])
    plane = torch.einsum("ay,bx->abyx", axis, axis)
    for dy in range(block):
        for dx in range(block):
            plane[dy, dx, 2 + dy // scale, 2 + dx // scale] -= 1.0
    base = torch.zeros(block * block, inputs, 3, 3)
    taps = plane.view(block * block, 3, 2, 3, 2).permute(0, 2, 4, 1, 3)
    base[:, :PIXELS] = taps.reshape(block * block, PIXELS, 3, 3)
    return base


def apply_weights(x: torch.Tensor, weights: list[torch.Tensor]) -> torch.Tensor:
    """Run a stack of 3x3 convolutions with ReLU between them; `weights` are kernel, bias, kernel, bias, ..."""
    for kernel, bias in zip(weights[:-2:2], weights[1:-2:2]):
        x = F.relu(F.conv2d(x, kernel, bias, padding=1))
    return F.conv2d(x, weights[-2], weights[-1], padding=1)


class LumaNet(nn.Module):
    """4 -> channels -> ... -> (2 scale)^2: residual of an enlarged luma plane over its nearest neighbour."""

    def __init__(self, channels: int = 32, middle: int = 2, scale: int = 2, width: int = 128) -> None:
        """`width` is the number of over-complete 3x3 filters behind each folded layer."""
        super().__init__()
        self.scale = scale
        lifted = torch.zeros(channels)
        lifted[:PIXELS] = LIFT
        kaiming = math.sqrt(2.0 / (9 * channels))
        layers = [FoldedConv(identity_base(channels, 4), lifted, width, math.sqrt(2.0 / 36) * 0.7)]
        for _ in range(middle):
            layers.append(FoldedConv(identity_base(channels, channels), torch.zeros(channels), width, 0.3 * kaiming))
        outputs = (2 * scale) ** 2
        layers.append(FoldedConv(cubic_base(channels, scale), torch.zeros(outputs), width, 0.05 * kaiming))
        for layer in layers[:-1]:
            layer.mix.data[:PIXELS] = 0.0
        self.layers = nn.ModuleList(layers)

    def weights(self) -> list[torch.Tensor]:
        """Folded kernel and bias of every layer in turn."""
        return [tensor for layer in self.layers for tensor in (layer.kernel(), layer.bias)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, 4, h, w] centred code / 255 to the residual [n, (2 scale)^2, h, w] in code / 255."""
        return apply_weights(x, self.weights())

    def folded(self) -> nn.Sequential:
        """The same function as plain Conv2d and ReLU modules."""
        modules: list[nn.Module] = []
        for layer in self.layers:
            outputs, inputs = layer.base.shape[:2]
            plain = nn.Conv2d(inputs, outputs, 3, padding=1)
            plain.weight.data.copy_(layer.kernel().detach())
            plain.bias.data.copy_(layer.bias.detach())
            modules += [plain, nn.ReLU()]
        return nn.Sequential(*modules[:-1])
