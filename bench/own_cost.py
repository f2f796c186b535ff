#!/usr/bin/env python3
"""Processor time per frame of one run, by whose code spent it. Needs Linux's perf.

    bench/own_cost.py target/release/framecast CLIP [RUN OPTIONS ...]

How it is separated: perf samples every thread on the processor clock and names the library that was executing.
FFmpeg's and the encoders' libraries count as codecs and ONNX Runtime's as network. Everything in the program itself
is ours. The C library and the kernel serve all three: what they spend on threads that we start counts as ours as
well, so the figure is an upper bound.
"""

import collections
import json
import pathlib
import subprocess
import sys
import tempfile

FREQUENCY = 1999
OUR_THREADS = ("decode", "dispatch", "upscale", "compose", "encode", "framecast")
SHARED = ("libc.so", "libm.so", "ld-linux", "[kernel", "[vdso]", "libstdc++", "libgcc", "libpthread")


def owner(thread: str, library: str) -> str:
    """Whose time a sample is."""
    if library == "framecast":
        return "own"
    if library.startswith("libonnxruntime"):
        return "network"
    if library.startswith(SHARED):
        return "own (C library, kernel)" if thread.startswith(OUR_THREADS) else "codecs"
    return "codecs"


def main() -> None:
    program, clip, *options = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        data, result = f"{folder}/perf.data", f"{folder}/out.mkv"
        command = [program, "run", "-i", clip, "-o", result, "-y", "--json", *options]
        record = ["perf", "record", "-q", "-e", "cpu-clock", "-F", str(FREQUENCY), "-o", data, "--", *command]
        output = subprocess.run(record, check=True, capture_output=True, text=True).stdout
        summary = json.loads(output.splitlines()[-1])
        script = subprocess.run(
            ["perf", "script", "-i", data, "-F", "comm,ip,dso"], check=True, capture_output=True, text=True
        ).stdout
    frames = summary["sink"]["frames"]
    samples = collections.Counter()
    libraries = collections.Counter()
    for line in script.splitlines():
        before, _, library = line.rstrip().rpartition("(")
        library = pathlib.PurePath(library.rstrip(")")).name
        thread = before.split()[0] if before.split() else ""
        samples[owner(thread, library)] += 1
        libraries[library] += 1
    total = sum(samples.values())
    milliseconds = {key: 1000 * count / FREQUENCY / frames for key, count in samples.items()}
    for key, value in sorted(milliseconds.items()):
        print(f"{key:28} {value:8.3f} ms a frame")
    print(f"{'own, upper bound':28} {sum(v for k, v in milliseconds.items() if k.startswith('own')):8.3f} ms a frame")
    for library, count in libraries.most_common(8):
        print(f"    {library:36} {100 * count / total:5.1f} %")
    per_frame = 1000 * total / FREQUENCY / frames
    cores = len(__import__("os").sched_getaffinity(0))
    rate = summary["frames_per_second"]
    print(f"{per_frame:.2f} ms of processor time a frame; {rate:.2f} frames/s on {cores} cores")
    print(f"utilisation {rate * per_frame / 1000 / cores:.3f} of the ceiling 1")


if __name__ == "__main__":
    main()
