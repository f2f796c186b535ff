#!/usr/bin/env python3
"""Processor time per frame of one run, by whose code spent it. Needs Linux's perf.

    bench/own_cost.py target/release/framecast CLIP [RUN OPTIONS ...]

How it is separated: perf samples every thread on the processor clock and names the library that was executing.
Everything in the program itself is own code, and so is the C library on the threads that the pipeline starts (their
names say which). FFmpeg's and the encoders' libraries, and the C library on the threads that those start, are codecs;
ONNX Runtime is the network. The kernel is listed apart, as it serves all three: on the pipeline's threads it includes
the page faults of the encoder and the scheduling of the network.
"""

import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile

FREQUENCY = 1999
PIPELINE = ("decode", "dispatch", "upscale", "compose", "encode")
C_LIBRARY = ("libc.so", "libm.so", "ld-linux", "[vdso]", "libstdc++", "libgcc", "libpthread")


def owner(thread: str, library: str) -> str:
    """Whose time a sample is."""
    ours = thread.startswith(PIPELINE)
    if library == "framecast":
        return "own code"
    if library.startswith("libonnxruntime"):
        return "network"
    if library.startswith("[kernel"):
        return "kernel, pipeline's threads" if ours else "kernel, other threads"
    if library.startswith(C_LIBRARY) and ours:
        return "own code, C library"
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
    frames = summary["frames_out"]
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
    for library, count in libraries.most_common(8):
        print(f"    {library:36} {100 * count / total:5.1f} %")
    per_frame = 1000 * total / FREQUENCY / frames
    cores = len(os.sched_getaffinity(0))
    rate = summary["fps"]
    print(f"{per_frame:.2f} ms of processor time a frame; {rate:.2f} frames/s on {cores} cores")
    print(f"utilisation {rate * per_frame / 1000 / cores:.3f} of the ceiling 1")


if __name__ == "__main__":
    main()
