"""The program's own classical estimate, by its example `flow`."""

import struct
import subprocess
from pathlib import Path

import cv2
import numpy as np


class EngineFlow:
    """A running `flow`; it ends with this process."""

    def __init__(self, program: Path) -> None:
        """`program` is what `cargo build --release --example flow` made."""
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def estimate(self, first: np.ndarray, other: np.ndarray, shrink: int) -> np.ndarray:
        """Where the content of each cell of RGB codes [2h, 2w, 3] lies in the other picture: [2, h, w] in source pixels, of
        which `shrink` go along a cell."""
        grey = [cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY) for picture in (first, other)]
        height, width = (side // 2 for side in grey[0].shape)
        self.process.stdin.write(struct.pack("<3I", width, height, shrink) + b"".join(picture.tobytes() for picture in grey))
        self.process.stdin.flush()
        values = self.process.stdout.read(8 * height * width)
        return np.frombuffer(values, np.float32).reshape(2, height, width)
