"""Cubic resampling with MATLAB's conventions (a = -0.5, half-pixel centres, mirrored borders)."""

import numpy as np


def cubic_kernel(distance: np.ndarray) -> np.ndarray:
    """Keys' cubic with a = -0.5; `distance` in source samples, zero from 2 on."""
    d = np.abs(distance)
    near = (1.5 * d - 2.5) * d * d + 1.0
    far = ((-0.5 * d + 2.5) * d - 4.0) * d + 2.0
    return np.where(d <= 1.0, near, np.where(d < 2.0, far, 0.0))


def resize_matrix(source: int, target: int) -> np.ndarray:
    """The [target, source] matrix that resamples one axis; the kernel widens when shrinking."""
    step = source / target
    width = max(step, 1.0)
    taps = np.arange(int(np.ceil(4.0 * width)) + 2)
    centre = (np.arange(target) + 0.5) * step - 0.5
    first = np.floor(centre - 2.0 * width).astype(int)
    position = first[:, None] + taps
    weight = cubic_kernel((centre[:, None] - position) / width)
    weight /= weight.sum(axis=1, keepdims=True)
    mirrored = np.mod(position, 2 * source)
    mirrored = np.where(mirrored < source, mirrored, 2 * source - 1 - mirrored)
    matrix = np.zeros((target, source))
    np.add.at(matrix, (np.arange(target)[:, None], mirrored), weight)
    return matrix


def resize(plane: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resample a plane [h, w] to [height, width] in double precision, without rounding."""
    rows = resize_matrix(plane.shape[0], height)
    columns = resize_matrix(plane.shape[1], width)
    return rows @ plane.astype(np.float64) @ columns.T


def to_code(plane: np.ndarray) -> np.ndarray:
    """Round to 8-bit code values, halves away from zero."""
    return np.clip(np.floor(plane + 0.5), 0, 255).astype(np.uint8)
