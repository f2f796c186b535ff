"""Train the perceptual partner of a fidelity network: the same generator, against a discriminator (SRGAN, ESRGAN).

The generator starts at the fidelity network, so that the two can be mixed weight by weight. Its loss is the sum of

- the adversarial loss, relativistic average (Jolicoeur-Martineau 2018), from a discriminator with spectral norm;
- the feature loss: the distance between the made and the real picture in the hidden layers of a frozen denoiser, which
  had to learn what is texture and what is noise; in those of the discriminator where no denoiser is given;
- the pixel loss, and the pixel loss at the input's size, which holds colours and large shapes in place.
"""

import argparse
import copy
import csv
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from .data import PatchSampler, nearest_base, packed_pairs, space_to_depth
from .evaluate import load_set
from .gradients import charbonnier
from .network import LumaNet, apply_weights
from .train_sr import development_psnr

AVERAGE_DECAY = 0.999
EDGE = 8
"""Output pixels at a patch's edge, which see padding, that no loss looks at."""


class Discriminator(nn.Module):
    """Tells made from real luma patches, at every eighth pixel."""

    def __init__(self, channels: int = 24) -> None:
        """`channels` is the width of the first layer."""
        super().__init__()
        widths = [(1, 1, 1), (1, 2, 2), (2, 2, 1), (2, 4, 2), (4, 4, 1), (4, 4, 2)]
        inputs = [1 if index == 0 else channels * width[0] for index, width in enumerate(widths)]
        self.layers = nn.ModuleList(
            spectral_norm(nn.Conv2d(taken, channels * given, 3, stride, 1))
            for taken, (_, given, stride) in zip(inputs, widths)
        )
        self.last = spectral_norm(nn.Conv2d(channels * 4, 1, 3, 1, 1))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Scores [n, 1, h/8, w/8] and the hidden layers of luma [n, 1, h, w], code / 255 less MEAN."""
        hidden = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
            hidden.append(x)
        return self.last(x), hidden


def pictures(residual: torch.Tensor, source: torch.Tensor, scale: int) -> torch.Tensor:
    """Luma [n, 1, h, w], less MEAN, of residuals and the centred low pixels; without the patch's edge."""
    made = F.pixel_shuffle(residual + nearest_base(source, scale), 2 * scale)
    return made[:, :, EDGE:-EDGE, EDGE:-EDGE].contiguous(memory_format=torch.channels_last)


def adversarial(better: torch.Tensor, worse: torch.Tensor) -> torch.Tensor:
    """The relativistic average loss that wants `better` scored above `worse`."""
    first = F.softplus(-(better - worse.mean())).mean()
    return (first + F.softplus(worse - better.mean()).mean()) / 2


class DenoiserFeatures:
    """The hidden layers of a trained denoiser."""

    def __init__(self, checkpoint: Path, precision: torch.dtype) -> None:
        """`checkpoint` is that of a LumaNet of scale 1."""
        network = load_generator(torch.load(checkpoint))
        self.precision, self.weights = precision, [weight.detach().to(precision) for weight in network.weights()]

    def __call__(self, picture: torch.Tensor) -> list[torch.Tensor]:
        """Activations of luma [n, 1, h, w], code / 255 less MEAN, at half its size."""
        x, hidden = space_to_depth(picture.squeeze(1), 2).to(self.precision), []
        for kernel, bias in zip(self.weights[:-2:2], self.weights[1:-2:2]):
            x = F.relu(F.conv2d(x, kernel, bias, padding=1))
            hidden.append(x)
        return hidden


def load_generator(state: dict) -> LumaNet:
    """The averaged plain network of a checkpoint."""
    network = LumaNet(state["channels"], state["middle"], state["scale"])
    network.load_state_dict(state["average"])
    return network


class Duel:
    """Generator and discriminator, each with its optimiser."""

    def __init__(self, generator: LumaNet, arguments: argparse.Namespace) -> None:
        """Start from the fidelity network `generator`."""
        self.generator, self.average, self.arguments = generator, copy.deepcopy(generator), arguments
        self.discriminator = Discriminator().to(memory_format=torch.channels_last)
        self.of_generator = torch.optim.Adam(generator.parameters(), lr=arguments.rate, betas=(0.9, 0.99))
        self.of_discriminator = torch.optim.Adam(self.discriminator.parameters(), lr=2e-4, betas=(0.9, 0.99))
        self.precision = getattr(torch, arguments.precision)
        self.features = DenoiserFeatures(arguments.denoiser, self.precision) if arguments.denoiser else None

    def advance(self, source: torch.Tensor, target: torch.Tensor, progress: float) -> dict[str, float]:
        """One step of both; `progress` in 0..1. Returns the parts of the losses."""
        scale, mixed = self.generator.scale, torch.autocast("cpu", self.precision, self.precision != torch.float32)
        weights = [weight.to(self.precision) for weight in self.generator.weights()]
        residual = apply_weights(source.to(self.precision), weights).float()
        made, real = pictures(residual, source, scale), pictures(target, source, scale)

        with mixed:
            judged_real, judged_made = self.discriminator(real)[0].float(), self.discriminator(made.detach())[0].float()
        judgement = adversarial(judged_real, judged_made)
        self.of_discriminator.zero_grad(set_to_none=True)
        judgement.backward()
        self.of_discriminator.step()

        self.discriminator.requires_grad_(False)
        with mixed:
            (score_made, hidden_made), (score_real, hidden_real) = self.discriminator(made), self.discriminator(real)
        self.discriminator.requires_grad_(True)
        if self.features:
            hidden_made, hidden_real = self.features(made), self.features(real)
        distances = [F.l1_loss(a.float(), b.float()) / b.float().abs().mean() for a, b in zip(hidden_made, hidden_real)]
        parts = {
            "pixel": charbonnier(made - real).mean(),
            "low": charbonnier(F.avg_pool2d(made - real, scale)).mean(),
            "feature": sum(distances) / len(distances),
            "adversarial": adversarial(score_made.float(), score_real.float()),
        }
        share = {name: getattr(self.arguments, name) for name in parts}
        self.of_generator.param_groups[0]["lr"] = self.arguments.rate * (1.0 if progress < 0.6 else 0.3)
        self.of_generator.zero_grad(set_to_none=True)
        sum(share[name] * part for name, part in parts.items()).backward()
        self.of_generator.step()
        for slow, fast in zip(self.average.parameters(), self.generator.parameters()):
            slow.data.lerp_(fast.data, 1.0 - AVERAGE_DECAY)
        return {"judgement": judgement.item(), **{name: part.item() for name, part in parts.items()}}


def main() -> None:
    """Train until the time budget is spent."""
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    state = torch.load(arguments.initial)
    generator = load_generator(state)
    duel = Duel(generator, arguments)
    planes = packed_pairs(arguments.data, arguments.cache, generator.scale)
    sampler = PatchSampler([planes], [1.0], generator.scale, arguments.patch, arguments.seed)
    pairs = load_set(arguments.dev, generator.scale)
    names = ["pixel", "low", "feature", "adversarial", "judgement"]
    start, reported, step = time.monotonic(), None, 0
    totals: list[dict[str, float]] = []
    with arguments.log.open("w", newline="") as log:
        writer = csv.writer(log, lineterminator="\n")
        writer.writerow(["minutes", "step", *names, "dev_psnr"])
        while True:
            elapsed = time.monotonic() - start
            progress = elapsed / (arguments.minutes * 60.0)
            if reported is None or elapsed - reported > arguments.report_minutes * 60.0 or progress >= 1.0:
                means = [sum(row[name] for row in totals) / len(totals) if totals else float("nan") for name in names]
                quality = development_psnr(duel.average, pairs, generator.scale)
                writer.writerow([f"{elapsed / 60:.1f}", step, *(f"{mean:.5f}" for mean in means), f"{quality:.3f}"])
                log.flush()
                kept = {key: state[key] for key in ("channels", "middle", "scale", "quantise")}
                torch.save({"average": duel.average.state_dict(), **kept}, arguments.checkpoint)
                reported, totals = elapsed, []
            if progress >= 1.0:
                return
            source, target = sampler.batch(arguments.batch)
            shaped = (tensor.contiguous(memory_format=torch.channels_last) for tensor in (source, target))
            totals.append(duel.advance(*shaped, progress))
            step += 1


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of photo crops")
    parser.add_argument("--dev", type=Path, required=True, help="folder of pictures to follow progress on")
    parser.add_argument("--cache", type=Path, required=True, help="folder for the packed luma planes")
    parser.add_argument("--initial", type=Path, required=True, help="checkpoint of the fidelity network")
    parser.add_argument("--denoiser", type=Path, help="checkpoint of a denoiser, for the feature loss")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--log", type=Path, required=True, help="CSV file")
    parser.add_argument("--minutes", type=float, default=25.0)
    parser.add_argument("--report-minutes", type=float, default=2.0)
    parser.add_argument("--patch", type=int, default=64, help="side in low-resolution pixels")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--pixel", type=float, default=0.3, help="weight of the pixel loss")
    parser.add_argument("--low", type=float, default=1.0, help="weight of the pixel loss at the input's size")
    parser.add_argument("--feature", type=float, default=0.02, help="weight of the feature loss")
    parser.add_argument("--adversarial", type=float, default=0.005, help="weight of the adversarial loss")
    return parser.parse_args()


if __name__ == "__main__":
    main()
