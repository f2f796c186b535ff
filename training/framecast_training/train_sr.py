"""Train the luma x2 network for a given wall-clock time."""

import argparse
import copy
import csv
import math
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from .data import PatchSampler, packed_pairs
from .evaluate import load_set, residual_upscaler, score
from .network import LumaNet, apply_weights

PEAK_RATE, LAST_RATE = 7e-4, 1e-6
WARM_UP_STEPS = 1000
AVERAGE_DECAY = 0.999
SMOOTHING = 1e-3
"""Charbonnier's epsilon in code / 255."""
EDGE_CELLS, EDGE_WEIGHT = 4, 0.25
"""Cells within the receptive radius of a patch edge see padding; they count less."""


def learning_rate(step: int, progress: float) -> float:
    """Linear warm-up by steps, then a cosine over the time budget; `progress` in 0..1."""
    cosine = LAST_RATE + 0.5 * (PEAK_RATE - LAST_RATE) * (1.0 + math.cos(math.pi * min(progress, 1.0)))
    return cosine * min(1.0, (step + 1) / WARM_UP_STEPS)


def loss_weights(cells: int) -> torch.Tensor:
    """Weights [cells, cells] with mean 1, smaller near the edge."""
    weights = torch.full((cells, cells), EDGE_WEIGHT)
    weights[EDGE_CELLS:-EDGE_CELLS, EDGE_CELLS:-EDGE_CELLS] = 1.0
    return weights / weights.mean()


class GradientWorkers:
    """Threads that each draw a share of the batch and differentiate the folded network on it."""

    def __init__(self, samplers: list[PatchSampler], share: int) -> None:
        """`share` is the number of patches for each sampler, and so for each thread."""
        self.samplers, self.share = samplers, share
        self.weighting = loss_weights(samplers[0].patch // 4)
        self.pool = ThreadPoolExecutor(len(samplers))

    def differentiate(self, network: LumaNet) -> float:
        """Add the gradients of the mean loss to the parameters of `network`; returns that loss."""
        folded = network.weights()
        leaves = [tensor.detach() for tensor in folded]
        results = list(self.pool.map(lambda sampler: self._share_of(sampler, leaves), self.samplers))
        gradients = [sum(shares) / len(results) for shares in zip(*(gradient for _, gradient in results))]
        torch.autograd.backward(folded, gradients)
        return sum(loss for loss, _ in results) / len(results)

    def _share_of(self, sampler: PatchSampler, leaves: list[torch.Tensor]) -> tuple[float, tuple[torch.Tensor, ...]]:
        source, target = (t.contiguous(memory_format=torch.channels_last) for t in sampler.batch(self.share))
        weights = [leaf.clone().requires_grad_() for leaf in leaves]
        error = apply_weights(source, weights) - target
        loss = (torch.sqrt(error * error + SMOOTHING**2) * self.weighting).mean()
        return loss.item(), torch.autograd.grad(loss, weights)


def average_into(average: LumaNet, network: LumaNet, step: int) -> None:
    """Exponential moving average of the parameters, faster during the first steps."""
    decay = min(AVERAGE_DECAY, (step + 1) / (step + 10))
    for slow, fast in zip(average.parameters(), network.parameters()):
        slow.data.lerp_(fast.data, 1.0 - decay)


def development_psnr(network: LumaNet, pairs: list) -> float:
    """PSNR in dB of the network on (high, low) pairs."""
    with torch.no_grad():
        plain = network.folded()
        return score(pairs, residual_upscaler(lambda x: plain(torch.from_numpy(x)).numpy()), with_ssim=False)[0]


def main() -> None:
    """Train until the time budget is spent; interrupt at will and go on with --resume."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of photo crops")
    parser.add_argument("--dev", type=Path, required=True, help="folder of pictures to follow progress on")
    parser.add_argument("--cache", type=Path, required=True, help="folder for the packed luma planes")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--log", type=Path, required=True, help="CSV file")
    parser.add_argument("--minutes", type=float, default=80.0)
    parser.add_argument("--report-minutes", type=float, default=2.0)
    parser.add_argument("--channels", type=int, default=32)
    parser.add_argument("--middle", type=int, default=2, help="hidden-to-hidden layers")
    parser.add_argument("--patch", type=int, default=128, help="side in high-resolution pixels")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", action="store_true")
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    network = LumaNet(arguments.channels, arguments.middle)
    average = copy.deepcopy(network)
    optimiser = torch.optim.Adam(network.parameters(), lr=PEAK_RATE, betas=(0.9, 0.99))
    step, spent = 0, 0.0
    if arguments.resume:
        state = torch.load(arguments.checkpoint)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        step, spent = state["step"], state["seconds"]
    planes = packed_pairs(arguments.data, arguments.cache)
    seeds = [arguments.seed + step + thread for thread in range(arguments.threads)]
    samplers = [PatchSampler(*planes, arguments.patch, seed) for seed in seeds]
    workers = GradientWorkers(samplers, arguments.batch // arguments.threads)
    pairs = load_set(arguments.dev)
    log = arguments.log.open("a" if arguments.resume else "w", newline="")
    writer = csv.writer(log, lineterminator="\n")
    if not arguments.resume:
        writer.writerow(["minutes", "step", "rate", "loss", "dev_psnr"])

    budget, start = arguments.minutes * 60.0, time.monotonic() - spent
    reported, total, count = spent, 0.0, 0
    while True:
        elapsed = time.monotonic() - start
        finished = elapsed >= budget
        if finished or elapsed - reported >= arguments.report_minutes * 60.0 or count == 0:
            rate = learning_rate(step, elapsed / budget)
            quality = development_psnr(average, pairs)
            loss = total / count if count else float("nan")
            writer.writerow([f"{elapsed / 60:.1f}", step, f"{rate:.2e}", f"{loss:.6f}", f"{quality:.3f}"])
            log.flush()
            state = {"network": network.state_dict(), "average": average.state_dict(),
                     "optimiser": optimiser.state_dict(), "step": step, "seconds": elapsed,
                     "channels": arguments.channels, "middle": arguments.middle}
            partial = arguments.checkpoint.with_suffix(".partial")
            torch.save(state, partial)
            partial.replace(arguments.checkpoint)
            reported, total, count = elapsed, 0.0, 0
        if finished:
            break
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, elapsed / budget)
        optimiser.zero_grad(set_to_none=True)
        loss = workers.differentiate(network)
        optimiser.step()
        average_into(average, network, step)
        total, count, step = total + loss, count + 1, step + 1


if __name__ == "__main__":
    main()
