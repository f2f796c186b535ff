"""Time a plain Python loop: PyAV decode, ONNX Runtime on the luma plane, PyAV encode."""

import argparse
import time
import tomllib
from pathlib import Path

import av
import cv2
import numpy as np
import onnxruntime
from clip import decoded, report

MODELS = Path(__file__).resolve().parents[2] / "models"


class LumaDoubler:
    """The shipped x2 network with its space-to-depth, skip and depth-to-space glue in numpy."""

    def __init__(self, manifest: Path, threads: int) -> None:
        self.settings = tomllib.loads(manifest.read_text())
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        model = manifest.parent / self.settings["file"]
        self.session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self.mean = np.float32(self.settings["input"]["mean"])

    def __call__(self, luma: np.ndarray) -> np.ndarray:
        """8-bit codes [h, w] with even sides to [2h, 2w]."""
        h, w = luma.shape[0] // 2, luma.shape[1] // 2
        codes = luma.reshape(h, 2, w, 2).transpose(1, 3, 0, 2).astype(np.float32)
        tensor = (codes / np.float32(255) - self.mean).reshape(1, 4, h, w)
        total = self.session.run(["output"], {"input": tensor})[0].reshape(2, 2, 2, 2, h, w)
        total *= np.float32(255)
        total += codes[:, None, :, None] + np.float32(0.5)
        np.clip(total, 0, 255, out=total)
        pixels = total.astype(np.uint8).reshape(4, 4, h, w)
        return pixels.transpose(2, 0, 3, 1).reshape(4 * h, 4 * w)


def double_planes(frame: av.VideoFrame, double: LumaDoubler) -> av.VideoFrame:
    """A 4:2:0 frame of twice the size; chroma is resampled with a cubic."""
    height, width = frame.height, frame.width
    planes = frame.to_ndarray(format="yuv420p")
    chroma = planes[height:].reshape(2, height // 2, width // 2)
    larger = [cv2.resize(plane, (width, height), interpolation=cv2.INTER_CUBIC) for plane in chroma]
    stacked = np.concatenate([double(planes[:height]), *(plane.reshape(-1, 2 * width) for plane in larger)])
    result = av.VideoFrame.from_ndarray(stacked, format="yuv420p")
    result.pts, result.time_base = frame.pts, frame.time_base
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip")
    parser.add_argument("out", help="the .mp4 file to write")
    parser.add_argument("--model", type=Path, default=MODELS / "live-x2-int8.toml", help="manifest")
    parser.add_argument("--threads", type=int, default=2, help="of ONNX Runtime")
    arguments = parser.parse_args()

    double = LumaDoubler(arguments.model, arguments.threads)
    with av.open(arguments.clip) as probe:
        source = probe.streams.video[0]
        width, height, rate = 2 * source.width, 2 * source.height, source.average_rate
    frames, start = 0, time.perf_counter()
    with av.open(arguments.out, "w") as sink:
        stream = sink.add_stream("libx264", rate=rate, options={"crf": "18", "preset": "medium"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in decoded(arguments.clip):
            sink.mux(stream.encode(double_planes(frame, double)))
            frames += 1
        sink.mux(stream.encode())
    report("python-loop", frames, time.perf_counter() - start, model=double.settings["name"], threads=arguments.threads)


if __name__ == "__main__":
    main()
