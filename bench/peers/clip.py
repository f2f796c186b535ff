"""What the peer scripts share: reading a clip and reporting a timing."""

import json
from collections.abc import Iterator

import av


def decoded(path: str) -> Iterator[av.VideoFrame]:
    """The frames of the first video stream, decoded on all cores."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        yield from container.decode(stream)


def report(peer: str, frames: int, seconds: float, **details: object) -> None:
    """Print one JSON line."""
    rate = round(frames / seconds, 3)
    row = {"peer": peer, "frames": frames, "seconds": round(seconds, 3), "frames_per_second": rate, **details}
    print(json.dumps(row), flush=True)
