#!/usr/bin/env python3
"""How long pictures of a live run take from capture to hand-over, predicted, interpolated and held, in one go.

    bench/live.py target/release/framecast CLIP [--minutes N] [--only predict] [--udp]

CLIP is played at its own pace, again and again as often as it takes (H.264, 640x360 at 30 frames/s for the figures in
bench/results), and shown at 60 frames/s and twice the size: to nowhere (`-f null`), or with --udp as H.264 (x264 ultrafast,
zerolatency) in MPEG-TS to a UDP port of this machine that nobody reads. Latencies are those of the summary, after two seconds of
warm-up. Memory is compared between the end of the first minute (or of the first tenth) and the end.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile

MODES = {
    "predict": ["--mode", "predict"],
    "interpolate": ["--mode", "interpolate", "--max-latency", "100ms"],
    "hold": ["--hold"],
}


def seconds_of(clip: pathlib.Path) -> float:
    """Length of a clip."""
    command = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", clip]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def repeated(clip: pathlib.Path, seconds: float, folder: pathlib.Path) -> pathlib.Path:
    """The clip, copied as often as `seconds` take."""
    times = int(seconds / seconds_of(clip)) + 1
    longer = folder / "long.mp4"
    command = ["ffmpeg", "-v", "error", "-y", "-stream_loop", str(times), "-i", clip, "-c", "copy", longer]
    subprocess.run(command, check=True)
    return longer


def run(program: str, clip: pathlib.Path, seconds: float, options: list[str]) -> list[dict]:
    """The statistics of every second, the last one at the end."""
    command = [program, "live", "-i", clip, "--duration", str(seconds), "--fps", "60", "--json", *options]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    lines = (ended.stdout + ended.stderr).splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def row(name: str, lines: list[dict]) -> str:
    """One row of the table."""
    end = lines[-1]
    first = next((line for line in lines if line["seconds"] >= min(60.0, end["seconds"] / 10)), end)
    latency, made = end["latency"], end["predicted"] + end["interpolated"]
    growth = 100.0 * (end["memory"] / first["memory"] - 1.0)
    cores = sum(line["cores"] for line in lines[:-1]) / max(len(lines) - 1, 1)
    cells = [name, *(f"{latency[key]:.1f}" for key in ("p50", "p95", "p99", "max")), end["real"], made, end["held"],
             end["frames_dropped"], end["missed"], f"{cores:.2f}", f"{end['memory'] / 2**20:.0f} ({growth:+.1f} %)",
             end["level"], end["degradations"]]
    return "| " + " | ".join(map(str, cells)) + " |"


def main() -> None:
    """Run every mode and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("clip", type=pathlib.Path)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--only", choices=MODES)
    parser.add_argument("--udp", action="store_true")
    arguments = parser.parse_args()
    output = ["-o", "udp://127.0.0.1:5999?pkt_size=1316"] if arguments.udp else ["-o", "-", "-f", "null"]
    print("| | p50 ms | p95 | p99 | max | real | of motion | held | dropped | missed | cores | MiB (growth) | level | degradations |")
    print("|---" * 14 + "|")
    with tempfile.TemporaryDirectory() as folder:
        clip = repeated(arguments.clip, 60.0 * arguments.minutes, pathlib.Path(folder))
        for name, options in MODES.items():
            if arguments.only in (None, name):
                print(row(name, run(arguments.program, clip, 60.0 * arguments.minutes, [*options, *output])), flush=True)


if __name__ == "__main__":
    main()
