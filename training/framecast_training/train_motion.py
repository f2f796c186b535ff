"""Train a motion network, to extrapolate or to interpolate, for a given wall-clock time."""

import argparse
import copy
import csv
import math
import time
from pathlib import Path

import numpy as np
import torch

from .motion_field import network_input
from .motion_loss import Triplets, absolute, loss, relative, squared
from .motion_growth import grow
from .motion_network import DESIGNS, MotionNet
from .motion_samples import Batch, Kind, Producers
from .motion_score import TASKS, mean_scores, of_network

LAST_RATE = 1e-6
WARM_UP_STEPS = 500
AVERAGE_DECAY = 0.999
LARGEST_GRADIENT = 1.0
DEVELOPMENT_LIMIT = 2
"""Triplets of each clip that progress is followed on."""


class Trainer:
    """A network in training, its moving average and its optimiser."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        """Start anew, from another network, or where the checkpoint left off."""
        self.arguments = arguments
        self.network = MotionNet(arguments.design, 1.0 if arguments.interpolate else -1.0)
        if arguments.initial:
            state = torch.load(arguments.initial)
            grow(self.network, state["average"], DESIGNS[state.get("design", "live")])
        self.average = copy.deepcopy(self.network)
        self.network.precision = getattr(torch, arguments.precision)
        self.network = self.network.to(memory_format=torch.channels_last)
        self.optimiser = torch.optim.AdamW(self.network.parameters(), lr=arguments.rate, weight_decay=1e-4)
        self.errors = torch.compile(self._errors, dynamic=False) if arguments.compile else self._errors
        self.step, self.seconds = 0, 0.0
        if arguments.resume:
            state = torch.load(arguments.checkpoint)
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.step, self.seconds = state["step"], state["seconds"]

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        state = {"network": self.network.state_dict(), "average": self.average.state_dict(),
                 "optimiser": self.optimiser.state_dict(), "step": self.step, "seconds": self.seconds,
                 "other_time": self.network.other_time, "design": self.network.name}
        partial = self.arguments.checkpoint.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self.arguments.checkpoint)

    def advance(self, batch: Batch, progress: float) -> dict[str, float]:
        """One step of training; `progress` in 0..1 is the share of the time that has passed. Returns what to report."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate(progress)
        triplets = as_tensors(batch, self.network.design.shrink)
        last = relative if self.arguments.relative else squared
        judge = last if progress >= 1.0 - self.arguments.squared_share else absolute
        total, report = self.errors(triplets, judge, progress >= self.arguments.coarse_share)
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), LARGEST_GRADIENT)
        self.optimiser.step()
        self._average()
        self.step += 1
        return {"loss": total.item(), **{name: value.item() for name, value in report.items()}}

    def _errors(self, triplets: Triplets, judge: callable, fine: bool) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """See [`loss`]."""
        frames = network_input(triplets.first, triplets.other, triplets.tau, triplets.seed)
        field, velocities = self.network(frames)
        return loss(field, velocities, triplets, self.network.other_time, judge, fine, self.arguments.single,
                    self.arguments.exact)

    def rate(self, progress: float) -> float:
        """The learning rate: linear warm-up by steps, then a cosine over the time budget."""
        cosine = LAST_RATE + 0.5 * (self.arguments.rate - LAST_RATE) * (1.0 + math.cos(math.pi * min(progress, 1.0)))
        return cosine * min(1.0, (self.step + 1) / WARM_UP_STEPS)

    def _average(self) -> None:
        """Exponential moving average of the parameters, faster during the first steps."""
        decay = min(AVERAGE_DECAY, (self.step + 1) / (self.step + 10))
        for slow, fast in zip(self.average.parameters(), self.network.parameters()):
            slow.data.lerp_(fast.data, 1.0 - decay)


def as_tensors(batch: Batch, shrink: int) -> Triplets:
    """The arrays of a batch as pictures in 0..1, for cells of `shrink` source pixels along a side."""
    pictures = torch.from_numpy(batch["pictures"]).permute(1, 0, 4, 2, 3).float() / 255.0
    first, other, wanted = (picture.contiguous() for picture in pictures)
    tau, flows, exact, seed = (torch.from_numpy(batch[key]) for key in ("tau", "flows", "exact", "seed"))
    return Triplets(shrink, first, other, wanted, tau, flows, exact, seed)


def development_scores(trainer: Trainer) -> list[str]:
    """Mean gated PSNR on some frames of the clips for every task that the network is for, and bits per channel."""
    names = ["interpolation"] if trainer.arguments.interpolate else ["next", "half-step"]
    columns = []
    for name in names:
        scores = mean_scores(of_network(trainer.average), TASKS[name], trainer.arguments.dev, DEVELOPMENT_LIMIT)
        columns += [np.mean([score.plain for score in scores]), np.mean([score.gated for score in scores])]
    bits = np.mean([score.bits for score in scores])
    return [f"{value:.3f}" for value in [*columns, bits]]


def main() -> None:
    """Train until the time budget is spent; interrupt at will and go on with --resume."""
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    trainer = Trainer(arguments)
    first = arguments.seed + int(arguments.resume) * int(time.time())
    kind = Kind(int(trainer.network.other_time), trainer.network.design.shrink, arguments.camera, arguments.unsteady,
                arguments.sharp, arguments.flow)
    producers = Producers(arguments.cache, kind, arguments.batch, [first])
    tasks = ["interpolation"] if arguments.interpolate else ["next", "half_step"]
    with arguments.log.open("a" if arguments.resume else "w", newline="") as log:
        writer = csv.writer(log, lineterminator="\n")
        if not arguments.resume:
            scores = [column for task in tasks for column in (f"{task}_psnr", f"{task}_gated_psnr")]
            writer.writerow(["minutes", "step", "rate", "loss", "mse", "nll", "flow_error", *scores, "bits"])
        train(trainer, producers, lambda row: (writer.writerow(row), log.flush()))


def train(trainer: Trainer, producers: Producers, report: callable) -> None:
    """Train and report until the time is spent."""
    budget, pause = trainer.arguments.minutes * 60.0, trainer.arguments.report_minutes * 60.0
    start = time.monotonic() - trainer.seconds
    reported, rows = trainer.seconds, []
    while True:
        trainer.seconds = time.monotonic() - start
        progress = trainer.seconds / budget
        if rows and (trainer.seconds - reported >= pause or progress >= 1.0):
            means = [np.mean([row[key] for row in rows]) for key in ("loss", "error", "scale", "exact")]
            report([f"{trainer.seconds / 60:.1f}", trainer.step, f"{trainer.rate(progress):.2e}",
                    *(f"{value:.5f}" for value in means), *development_scores(trainer)])
            trainer.save()
            reported, rows = trainer.seconds, []
        if progress >= 1.0:
            return
        rows.append(trainer.advance(producers.batch(), progress))


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, required=True, help="folder that motion_data filled")
    parser.add_argument("--dev", type=Path, required=True, help="folder of clips (folders of frames) to follow progress on")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--log", type=Path, required=True, help="CSV file")
    parser.add_argument("--interpolate", action="store_true", help="between frames k and k+1; default: after k-1 and k")
    parser.add_argument("--design", choices=list(DESIGNS), default="live", help="of the network")
    parser.add_argument("--camera", type=float, default=0.0,
                        help="share of the real clips that are seen by a made-up moving camera")
    parser.add_argument("--unsteady", type=float, default=0.0,
                        help="spread (of the logarithm) of how fast made-up motion changes")
    parser.add_argument("--sharp", action="store_true",
                        help="made-up scenes are as sharp as photos: what is sharp is hard to predict")
    parser.add_argument("--flow", type=Path, help="the program's example `flow`, for a share of the classical estimates")
    parser.add_argument("--single", type=float, default=0.3, help="weight of the error of frame k's sample alone")
    parser.add_argument("--exact", type=float, default=1.0,
                        help="factor on the weight of the field's distance from exact displacements; less leaves more room "
                        "to place the two samples on both sides of an uncertain one")
    parser.add_argument("--minutes", type=float, default=80.0)
    parser.add_argument("--report-minutes", type=float, default=4.0)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=1e-3, help="peak learning rate")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32",
                        help="of the convolutions; bfloat16 is several times as fast on processors with AMX")
    parser.add_argument("--squared-share", type=float, default=0.3,
                        help="last share of the time that minimises the squared error")
    parser.add_argument("--relative", action="store_true",
                        help="then minimise the mean logarithm of the pictures' squared errors, as PSNR counts them")
    parser.add_argument("--coarse-share", type=float, default=0.5,
                        help="first share of the time in which predictions are judged at a quarter of the size")
    parser.add_argument("--initial", type=Path, help="checkpoint whose averaged weights training starts from; may be of a smaller design")
    parser.add_argument("--compile", action="store_true",
                        help="fuse the operations, with PyTorch 2 and a C++ compiler: minutes to start, then several times as fast")
    parser.add_argument("--resume", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
