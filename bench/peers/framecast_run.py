"""Time one run of the framecast program on a clip, from start to exit."""

import argparse
import subprocess
import sys
import time

from clip import decoded, report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", help="path of the framecast program")
    parser.add_argument("clip")
    parser.add_argument("--out", help="the .mkv file to write; without it, the output is thrown away")
    arguments = parser.parse_args()

    sink = ["-o", arguments.out, "-y", "--json"] if arguments.out else ["-f", "null", "-o", "-"]
    frames = sum(1 for _ in decoded(arguments.clip))
    start = time.perf_counter()
    command = [arguments.program, "run", "-i", arguments.clip, *sink, "--upscale", "2"]
    outcome = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if outcome.returncode != 0:
        sys.exit(f"{' '.join(command)}: {outcome.stderr}")
    report("framecast" if arguments.out else "framecast-null", frames, seconds)


if __name__ == "__main__":
    main()
