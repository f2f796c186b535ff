"""Scores motion networks on folders of frames: extrapolation, half-steps and interpolation, by the contract at full size."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from .data import pictures_in
from .motion_field import at_size_of, blended, classical_flow, gated, network_input, samples
from .motion_gate import Camera, CausalGate, cell_luma
from .motion_network import Design, MotionNet, traced, warp

CLASSICAL = cv2.DISOPTICAL_FLOW_PRESET_MEDIUM
"""Preset of the classical estimate that networks are scored with."""
BINS = 12
"""Bins of the predicted scale, equal in the number of pixels that they hold over all clips."""


@dataclass
class Estimator:
    """A motion network as a function of arrays."""

    design: Design
    field: Callable[[np.ndarray], np.ndarray]
    """`frames` [1, 16, h, w] to `field` [1, 8, h, w]."""


def rgb(path: Path) -> torch.Tensor:
    """A picture [1, 3, h, w] in 0..1."""
    codes = np.asarray(Image.open(path).convert("RGB"))
    return torch.from_numpy(codes.copy()).permute(2, 0, 1).unsqueeze(0).float() / 255.0


def shrunk(picture: torch.Tensor, design: Design) -> torch.Tensor:
    """A picture with 2x2 pixels to a cell; edges are repeated to whole cells, and edge cells to a multiple of the
    network's."""
    (height, width), shrink = picture.shape[2:], design.shrink
    cells = F.pad(picture, (0, -width % shrink, 0, -height % shrink), mode="replicate")
    small = F.avg_pool2d(cells, shrink // 2)
    missing = [-(side // shrink) % design.multiple for side in cells.shape[2:]]
    for axis, count in zip((2, 3), missing):
        small = torch.cat([small, *[small.narrow(axis, small.shape[axis] - 2, 2)] * count], axis)
    return small


def codes(picture: torch.Tensor) -> np.ndarray:
    """RGB codes [h, w, 3] of a picture [1, 3, h, w]."""
    return np.rint(255.0 * picture[0].permute(1, 2, 0).numpy()).astype(np.uint8)


def predicted_field(
    estimator: Estimator, first: torch.Tensor, other: torch.Tensor, tau: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """The field of two pictures of the source's size, and the classical estimate [1, 2, h, w] that it started from."""
    design = estimator.design
    small = shrunk(first, design), shrunk(other, design)
    seed = torch.from_numpy(classical_flow(*map(codes, small), design.shrink, CLASSICAL)).unsqueeze(0)
    frames = network_input(*small, torch.tensor([tau]), seed)
    cells = [-(-side // design.shrink) for side in first.shape[2:]]
    field = torch.from_numpy(estimator.field(frames.numpy()))
    return field[:, :, : cells[0], : cells[1]], seed[:, :, : cells[0], : cells[1]]


def psnr(made: torch.Tensor, truth: torch.Tensor) -> float:
    """In dB, of 8-bit codes over all of RGB."""
    rounded = [torch.round(picture.clamp(0.0, 1.0) * 255.0) for picture in (made, truth)]
    return float(10.0 * torch.log10(65025.0 / (rounded[0] - rounded[1]).square().mean()))


@dataclass
class Task:
    """Which frames are given, relative to the one that is wanted, and which ones of a clip are wanted."""

    first: int
    other: int
    tau: float
    earliest: int
    step: int
    following: int
    """Frames that a clip must have after a wanted one."""

    def triplets(self, frames: list[Path]) -> Iterator[tuple[Path, Path, Path]]:
        """Frame k, the other one and the wanted one."""
        for wanted in range(self.earliest, len(frames) - self.following, self.step):
            yield frames[wanted + self.first], frames[wanted + self.other], frames[wanted]


TASKS = {
    "next": Task(-1, -2, 1.0, 2, 1, 0),
    # Every second frame is left out; both tasks want the same ones.
    "half-step": Task(-1, -3, 0.5, 3, 2, 1),
    "interpolation": Task(-1, 1, 0.5, 3, 2, 1),
}


@dataclass
class ClipScore:
    """Mean PSNR in dB of one clip, and what its predicted scales were worth."""

    name: str
    repeat: float = 0.0
    blend: float = 0.0
    classical: float = 0.0
    """Frame k moved on by the classical estimate, which has the place of frame k's pixels, not of the wanted ones."""
    plain: float = 0.0
    gated: float = 0.0
    """With the network's own gate."""
    causal: float = 0.0
    """With the camera's acceleration and the causal gate too; the same as `gated` in interpolation."""
    bits: float = 0.0
    """Negative log-likelihood of the 8-bit codes under the Laplace densities, in bits per channel."""
    scales: list[np.ndarray] = field(default_factory=list)
    errors: list[np.ndarray] = field(default_factory=list)


def score_clip(estimator: Estimator, task: Task, folder: Path, limit: int | None = None) -> ClipScore:
    """Score a folder of frames; `limit` takes that many triplets, evenly spread.

    The causal gate needs all of them.
    """
    triplets = list(task.triplets(pictures_in(folder)))
    if limit and len(triplets) > limit:
        triplets = [triplets[int((i + 0.5) * len(triplets) / limit)] for i in range(limit)]
    result, rows = ClipScore(folder.name), []
    shrink = estimator.design.shrink
    gate, camera, last = CausalGate(shrink), Camera(shrink), None
    causal = task.other < task.first
    for paths in triplets:
        first, other, truth = map(rgb, paths)
        cells, seed = predicted_field(estimator, first, other, task.tau)
        classical = warp(first, at_size_of(seed * (task.tau if causal else -task.tau), first, shrink))
        prediction, output, fine = pictures(cells, first, other, shrink)
        final = output
        if causal and limit is None:
            camera.learn(seed)
            corrected, lumas = camera.corrected(cells, task.tau), [cell_luma(first, shrink), cell_luma(other, shrink)]
            if last:
                gate.learn(*last, lumas[0], task.tau)
            last = (corrected, *lumas)
            trust = at_size_of(gate.trust(corrected, task.tau), first, shrink)
            final = torch.lerp(first, pictures(corrected, first, other, shrink)[0], trust)
        log_scale, error = fine[:, 5:6], (prediction - truth).abs()
        bits = (log_scale + np.log(2.0 * 255.0) + error * torch.exp(-log_scale)).mean() / np.log(2.0)
        made = [first, (first + other) / 2.0, classical, prediction, output, final]
        rows.append([*(psnr(picture, truth) for picture in made), float(bits)])
        result.scales.append(log_scale[0, 0, ::4, ::4].exp().numpy().ravel())
        result.errors.append(error.mean(1)[0, ::4, ::4].numpy().ravel())
    means = np.mean(rows, axis=0)
    result.repeat, result.blend, result.classical, result.plain, result.gated, result.causal, result.bits = means
    return result


def pictures(
    cells: torch.Tensor, first: torch.Tensor, other: torch.Tensor, shrink: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The blended prediction of a field, the gated one, and the field at the pictures' size."""
    from_first, from_other, fine = samples(cells, first, other, shrink, shrink)
    prediction = blended(from_first, from_other, fine)
    return prediction, gated(prediction, first, fine), fine


def calibration(scores: list[ClipScore]) -> list[tuple[float, float]]:
    """Mean predicted scale and mean absolute error of the pixels of each bin."""
    scales = np.concatenate([part for score in scores for part in score.scales])
    errors = np.concatenate([part for score in scores for part in score.errors])
    order = np.array_split(np.argsort(scales), BINS)
    return [(float(scales[part].mean()), float(errors[part].mean())) for part in order]


def of_network(network: MotionNet) -> Estimator:
    """A network in PyTorch."""

    def estimate(frames: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return network(torch.from_numpy(frames))[0].numpy()

    return Estimator(network.design, estimate)


def field_of_file(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """An exported file, traced `frames` to `field`, on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda frames: session.run(["field"], {"frames": frames})[0]


def of_file(path: Path, network: MotionNet) -> Estimator:
    """The file that was exported from a network."""
    field, design = field_of_file(path), network.design
    return Estimator(design, lambda frames: field(traced(torch.from_numpy(frames), design, network.other_time).numpy()))


def mean_scores(estimator: Estimator, task: Task, folder: Path, limit: int | None = None) -> list[ClipScore]:
    """The scores of all clips in a folder."""
    return [score_clip(estimator, task, clip, limit) for clip in sorted(folder.iterdir()) if clip.is_dir()]
