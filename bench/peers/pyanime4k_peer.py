"""Time pyanime4k: decode a clip and double every frame on the CPU; the output is thrown away."""

import argparse
import time

import pyanime4k
from clip import decoded, report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip")
    parser.add_argument("--model", default="acnet-hdn0")
    parser.add_argument("--luma", action="store_true", help="give it the luma plane alone instead of RGB")
    arguments = parser.parse_args()

    processor = pyanime4k.Processor(processor_type="cpu", device=0, model=arguments.model)
    pixels = "gray" if arguments.luma else "rgb24"
    frames, start = 0, time.perf_counter()
    for frame in decoded(arguments.clip):
        processor(src=frame.to_ndarray(format=pixels), factor=2.0)
        frames += 1
    seconds = time.perf_counter() - start
    report("pyanime4k", frames, seconds, model=arguments.model, pixels=pixels, processor=str(processor))


if __name__ == "__main__":
    main()
