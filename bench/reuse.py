#!/usr/bin/env python3
"""What keeping unchanged pixels gains: frames per second with `--reuse auto` over `--reuse off`, in one run.

    bench/reuse.py target/release/framecast [--repeats N] [--clip FILE ...]

Three clips are generated with the `ffmpeg` program, 640x360, 25 frames/s, H.264:

screen  a desktop: a still page, a line of text that is written character by character, a blinking cursor, a pointer
        that moves; the page changes every 4 seconds
webcam  a person-like blob that sways in front of a still room, the whole with the noise of a camera; once more with
        `--static-threshold 8`
motion  a Mandelbrot zoom, where every pixel changes: what looking for unchanged pixels costs

Rates are those of the summary with `-f null -o -`, the two settings in turn, the medians of N repeats (default 3).
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile

ENCODE = "-an -c:v libx264 -preset veryfast -crf 23 -pix_fmt yuv420p"
PAGE = "color=0xf4f4f0:s=640x360:r=25:d=12,noise=alls=60:all_seed=7:allf=p,boxblur=1"
BOXES = (
    "drawbox=x=40:y=40:w=560:h=280:c=white:t=fill,drawbox=x=0:y=0:w=640:h=24:c=0x335577:t=fill,"
    "drawbox=x=60:y=60:w=160:h=100:c=0x88aa44:t=fill:enable='lt(mod(t,8),4)'"
)
TEXT = ",".join(
    f"drawbox=x={60 + 7 * (n % 70)}:y={180 + 14 * (n // 70)}:w={3 + n % 4}:h=9:c=0x202020:t=fill:enable='gte(t,{n / 12})'"
    for n in range(144)
)
CURSOR = "drawbox=x=560:y=290:w=2:h=12:c=black:t=fill:enable='lt(mod(t,1),0.5)'"
POINTER = "color=black:s=10x14:r=25:d=12[pointer];[page][pointer]overlay=x='320+200*sin(t)':y='180+100*cos(1.3*t)'"
RECIPES = {
    "screen": f"{PAGE},{BOXES},{TEXT},{CURSOR}[page];{POINTER}",
    "webcam": (
        "mandelbrot=s=640x360:r=25:start_scale=2:end_scale=2:maxiter=60,trim=end=12,loop=299:1:0,gblur=2[room];"
        "testsrc2=s=160x220:r=25:d=12,gblur=3,format=yuva420p,"
        "geq=lum='lum(X,Y)':cb='cb(X,Y)':cr='cr(X,Y)':a='255*lt(hypot((X-80)/80,(Y-110)/110),1)'[person];"
        "[room][person]overlay=x='240+12*sin(2*t)':y='120+6*cos(3*t)':shortest=1,noise=c0s=4:c1s=2:c2s=2:allf=t"
    ),
    "motion": "mandelbrot=s=640x360:r=25:end_pts=600,trim=end=12",
}


def generate(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """The clips by name."""
    clips = {}
    for name, recipe in RECIPES.items():
        clips[name] = folder / f"{name}.mp4"
        command = ["ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", recipe, "-t", "12", *ENCODE.split()]
        subprocess.run([*command, clips[name]], check=True)
    return clips


def rate(program: str, clip: pathlib.Path, options: list[str]) -> tuple[float, float | None]:
    """Frames per second, and the share of pixels that were copied."""
    command = [program, "run", "-i", clip, "-f", "null", "-o", "-", "--json", *options]
    events = subprocess.run(command, check=True, capture_output=True, text=True)
    summary = json.loads((events.stdout or events.stderr).splitlines()[-1])
    return summary["fps"], summary["reused"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--clip", type=pathlib.Path, nargs="*", default=[])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs = [(name, clip, []) for name, clip in generate(pathlib.Path(folder)).items()]
        runs += [(clip.stem, clip, []) for clip in arguments.clip]
        runs += [(f"{name}, threshold 8", clip, ["--static-threshold", "8"]) for name, clip, _ in runs if name != "screen"]
        print("| clip | frames/s, reuse off | auto | ratio | pixels copied |\n|---|---|---|---|---|")
        for name, clip, options in runs:
            pairs = [
                [rate(arguments.program, clip, [*options, "--reuse", reuse]) for reuse in ("off", "auto")]
                for _ in range(arguments.repeats)
            ]
            off, auto = (statistics.median(pair[side][0] for pair in pairs) for side in (0, 1))
            ratio = statistics.median(pair[1][0] / pair[0][0] for pair in pairs)
            print(f"| {name} | {off:.1f} | {auto:.1f} | {ratio:.2f} | {100 * pairs[-1][1][1]:.1f} % |", flush=True)


if __name__ == "__main__":
    main()
