"""Train a fidelity network for a given time: plain, on camera-like or noisy input, or with 8-bit rounding."""

import argparse
import copy
import csv
import math
import time
from pathlib import Path

import torch

from .camera import camera_pairs
from .data import PatchSampler, packed_pairs
from .evaluate import load_set, residual_upscaler, score
from .gradients import GradientWorkers, Network, squared
from .network import LumaNet
from .noise import noisy_pairs
from .quantised import QuantisedNet, largest_activations

LAST_RATE = 1e-6
WARM_UP_STEPS = 1000
AVERAGE_DECAY = 0.999


class Trainer:
    """A network in training, its moving average and its optimiser."""

    def __init__(self, network: Network, arguments: argparse.Namespace) -> None:
        """Start with `network`, or where the checkpoint left off."""
        self.network, self.average, self.arguments = network, copy.deepcopy(network), arguments
        self.optimiser = torch.optim.Adam(network.parameters(), lr=arguments.rate, betas=(0.9, 0.99))
        self.step, self.seconds = 0, 0.0
        if arguments.resume:
            state = torch.load(arguments.checkpoint)
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.step, self.seconds = state["step"], state["seconds"]

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        kept = {key: getattr(self.arguments, key) for key in ("channels", "middle", "scale", "quantise")}
        state = {"network": self.network.state_dict(), "average": self.average.state_dict(),
                 "optimiser": self.optimiser.state_dict(), "step": self.step, "seconds": self.seconds, **kept}
        partial = self.arguments.checkpoint.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self.arguments.checkpoint)

    def advance(self, workers: GradientWorkers, progress: float) -> float:
        """One step of training; `progress` in 0..1 is the share of the time that has passed. Returns the loss."""
        if progress >= 1.0 - self.arguments.squared_share:
            workers.loss = squared
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate(progress)
        self.optimiser.zero_grad(set_to_none=True)
        loss = workers.differentiate(self.network)
        self.optimiser.step()
        self._average()
        self.step += 1
        return loss

    def rate(self, progress: float) -> float:
        """The learning rate: linear warm-up by steps, then a cosine over the time budget."""
        cosine = LAST_RATE + 0.5 * (self.arguments.rate - LAST_RATE) * (1.0 + math.cos(math.pi * min(progress, 1.0)))
        return cosine * min(1.0, (self.step + 1) / WARM_UP_STEPS)

    def _average(self) -> None:
        """Exponential moving average of the parameters, faster during the first steps."""
        decay = min(AVERAGE_DECAY, (self.step + 1) / (self.step + 10))
        for slow, fast in zip(self.average.parameters(), self.network.parameters()):
            slow.data.lerp_(fast.data, 1.0 - decay)


def main() -> None:
    """Train until the time budget is spent; interrupt at will and go on with --resume."""
    arguments = parse_arguments()
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    samplers = make_samplers(arguments)
    trainer = Trainer(make_network(arguments, samplers[0]), arguments)
    precision = getattr(torch, arguments.precision)
    workers = GradientWorkers(samplers, arguments.batch // arguments.threads, precision, arguments.quantise)
    pairs = load_set(arguments.dev, arguments.scale)
    with arguments.log.open("a" if arguments.resume else "w", newline="") as log:
        writer = csv.writer(log, lineterminator="\n")
        if not arguments.resume:
            writer.writerow(["minutes", "step", "rate", "loss", "dev_psnr"])
        train(trainer, workers, pairs, lambda row: (writer.writerow(row), log.flush()))


def train(trainer: Trainer, workers: GradientWorkers, pairs: list, report: callable) -> None:
    """Train and report until the time is spent."""
    budget, pause = trainer.arguments.minutes * 60.0, trainer.arguments.report_minutes * 60.0
    start = time.monotonic() - trainer.seconds
    reported, losses = None, []
    while True:
        trainer.seconds = time.monotonic() - start
        progress = trainer.seconds / budget
        if reported is None or trainer.seconds - reported >= pause or progress >= 1.0:
            loss = sum(losses) / len(losses) if losses else float("nan")
            quality = development_psnr(trainer.average, pairs, trainer.arguments.scale)
            report([f"{trainer.seconds / 60:.1f}", trainer.step, f"{trainer.rate(progress):.2e}", f"{loss:.6f}",
                    f"{quality:.3f}"])
            trainer.save()
            reported, losses = trainer.seconds, []
        if progress >= 1.0:
            return
        losses.append(trainer.advance(workers, progress))


def make_samplers(arguments: argparse.Namespace) -> list[PatchSampler]:
    """One for each thread; a resumed run draws other patches than it did before."""
    if arguments.scale == 1:
        sets, shares = [noisy_pairs(arguments.data, arguments.cache)], [1.0]
    else:
        sets, shares = [packed_pairs(arguments.data, arguments.cache, arguments.scale)], [1.0 - arguments.camera]
    if arguments.camera > 0.0:
        sets.append(camera_pairs(arguments.data, arguments.cache))
        shares.append(arguments.camera)
    first = arguments.seed + int(arguments.resume) * int(time.time())
    seeds = range(first, first + arguments.threads)
    return [PatchSampler(sets, shares, arguments.scale, arguments.patch, seed) for seed in seeds]


def make_network(arguments: argparse.Namespace, sampler: PatchSampler) -> Network:
    """A new network, or one that goes on from the averaged weights of another checkpoint, even of another scale."""
    network = LumaNet(arguments.channels, arguments.middle, arguments.scale)
    if arguments.initial:
        state = torch.load(arguments.initial)
        # The last layer depends on the scale; the others can begin where a network of another scale ended.
        last = f"layers.{arguments.middle + 1}."
        kept = {key: value for key, value in state["average"].items()
                if state["scale"] == arguments.scale or not key.startswith(last)}
        network.load_state_dict(kept, strict=state["scale"] == arguments.scale)
    if arguments.quantise:
        return QuantisedNet(network, largest_activations(network, sampler.batch(32)[0]))
    return network


def development_psnr(network: Network, pairs: list, scale: int) -> float:
    """PSNR in dB of the network on (high, low) pairs."""
    with torch.no_grad():
        plain = network.folded() if isinstance(network, LumaNet) else network
        upscale = residual_upscaler(lambda x: plain(torch.from_numpy(x)).numpy(), scale)
        return score(pairs, upscale, scale, with_ssim=False)[0]


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of photo crops")
    parser.add_argument("--dev", type=Path, required=True, help="folder of pictures to follow progress on")
    parser.add_argument("--cache", type=Path, required=True, help="folder for the packed luma planes")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--log", type=Path, required=True, help="CSV file")
    parser.add_argument("--minutes", type=float, default=80.0)
    parser.add_argument("--report-minutes", type=float, default=2.0)
    parser.add_argument("--scale", type=int, choices=[1, 2, 4], default=2, help="1 removes noise")
    parser.add_argument("--channels", type=int, default=32)
    parser.add_argument("--middle", type=int, default=4, help="hidden-to-hidden layers")
    parser.add_argument("--patch", type=int, default=64, help="side in low-resolution pixels")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=1e-3, help="peak learning rate")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32",
                        help="of the convolutions; bfloat16 is several times as fast on processors with AMX")
    parser.add_argument("--squared-share", type=float, default=0.15,
                        help="last share of the time that minimises the squared error")
    parser.add_argument("--camera", type=float, default=0.0,
                        help="share of patches that went through blur, noise and H.264, 0 to 1; scale 2 only")
    parser.add_argument("--quantise", action="store_true", help="train with 8-bit rounding; needs --initial")
    parser.add_argument("--initial", type=Path, help="checkpoint whose averaged weights training starts from")
    parser.add_argument("--resume", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
