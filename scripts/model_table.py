#!/usr/bin/env python3
"""Writes the model table of README.md from what `framecast eval` measures.

The table stands between the lines `<!-- model-table -->` and `<!-- /model-table -->`. Models are given by name or path;
the scale is that of the name's ending (`-x4`), or given as NAME@4. Measurements are kept as JSON in --cache and used again
unless --fresh is given.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

BEGIN, END = "<!-- model-table -->", "<!-- /model-table -->"
CRFS = (23, 32)


def scale_of(model: str) -> tuple[str, int]:
    """A model's name and its scale."""
    name, _, given = model.partition("@")
    found = re.search(r"-x([234])\b", Path(name).stem)
    return name, int(given or (found.group(1) if found else 2))


class Measurements:
    """Runs `framecast eval` and remembers what it printed."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        arguments.cache.mkdir(parents=True, exist_ok=True)

    def report(self, reference: Path, scale: int, model: str, camera: bool) -> dict:
        """The report on one model over one reference."""
        kind = "camera" if camera else "bicubic"
        path = self.arguments.cache / f"{Path(model).stem}-x{scale}-{reference.parent.name}-{reference.name}-{kind}.json"
        if path.exists() and not self.arguments.fresh:
            return json.loads(path.read_text())
        command = [str(self.arguments.framecast), "eval", "--json", "--quiet", "--reference", str(reference)]
        command += ["--scale", str(scale), "--model", model]
        if camera:
            command += ["--degrade", "camera", "--limit", str(self.arguments.limit)]
            command += [word for crf in CRFS for word in ("--crf", str(crf))]
        # Timed once, over the first set.
        if camera or reference != self.arguments.set5:
            command.append("--no-timing")
        print(" ".join(command), file=sys.stderr)
        result = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
        if result.returncode != 0:
            raise SystemExit(f"model_table: framecast eval ended with {result.returncode}")
        path.write_text(result.stdout)
        return json.loads(result.stdout)


def mean(report: dict, table: int, method: str) -> dict:
    """The mean scores of a row."""
    return next(row["mean"] for row in report["tables"][table]["rows"] if row["method"] == method)


def row(name: str, scale: int, method: str, reports: list[dict], clips: dict | None, info: dict | None) -> list[str]:
    """The cells of one row."""
    time = info and info["time"]
    cells = [f"`{name}`" if info else name, str(scale)]
    cells.append(f"{info['parameters']:,}".replace(",", " ") if info and info["parameters"] else "")
    cells += [f"{time[key]:.1f}" if time else "" for key in ("one_thread_ms", "threads_ms")]
    for report in reports:
        scores = mean(report, 0, method)
        cells.append(f"{scores['psnr_y']:.2f} / {scores['ssim_y']:.4f}")
    if clips:
        cells += [f"{mean(clips, table, method)['psnr_y']:.2f}" for table in range(len(CRFS))]
    cells.append(info["licence"] if info else "")
    return cells


def table(arguments: argparse.Namespace) -> str:
    """The table and the line below it."""
    measurements = Measurements(arguments)
    rows, processor, threads, seen = [], "", 0, set()
    for name, scale in sorted(map(scale_of, arguments.models), key=lambda model: model[1]):
        reports = [measurements.report(path, scale, name, False) for path in (arguments.set5, arguments.set14)]
        clips = measurements.report(arguments.clips, scale, name, True) if arguments.clips else None
        if scale not in seen:
            seen.add(scale)
            rows += [row(method, scale, method, reports, clips, None) for method in ("bicubic", "lanczos")]
        info = reports[0]["methods"][-1]
        rows.append(row(info["name"], scale, info["name"], reports, clips, info))
        processor, threads = reports[0]["processor"], info["time"]["threads"]
    heads = ["model", "scale", "parameters", "ms, 1 thread", f"ms, {threads} threads", "Set5", "Set14"]
    if arguments.clips:
        heads += [f"clips, crf {crf}" for crf in CRFS]
    heads.append("licence")
    lines = [heads, ["---"] * len(heads), *rows]
    text = "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
    note = f"Milliseconds a frame of 640x360, on {processor or 'this machine'}. Set5 and Set14: PSNR in dB and SSIM of luma, small pictures made by antialiased bicubic and rounded."
    if arguments.clips:
        note += f" Clips: PSNR of luma after `--degrade camera`, at most {arguments.limit} frame(s) of each clip."
    return f"{text}\n\n{note}"


def main() -> None:
    """Measures, and replaces what stands between the marks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", help="names or paths")
    parser.add_argument("--set5", type=Path, required=True)
    parser.add_argument("--set14", type=Path, required=True)
    parser.add_argument("--clips", type=Path, help="folder of clips for the camera columns")
    parser.add_argument("--limit", type=int, default=10, help="frames of each clip")
    parser.add_argument("--framecast", type=Path, default=Path("target/release/framecast"))
    parser.add_argument("--readme", type=Path, default=Path("README.md"))
    parser.add_argument("--cache", type=Path, default=Path("target/model-table"))
    parser.add_argument("--fresh", action="store_true", help="measure again what the cache holds")
    arguments = parser.parse_args()
    text = arguments.readme.read_text()
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise SystemExit(f"model_table: {arguments.readme} needs one line {BEGIN} and one line {END}")
    before, rest = text.split(BEGIN)
    arguments.readme.write_text(f"{before}{BEGIN}\n{table(arguments)}\n{END}{rest.split(END)[1]}")


if __name__ == "__main__":
    main()
