"""Read JSON timing lines; print the median frame rate of every peer and framecast's ratio to it."""

import json
import sys
from collections import defaultdict
from statistics import median

REFERENCES = {"python-loop": "framecast", "pyanime4k": "framecast-null"}
"""Which framecast run does the same work as a peer: with or without encoding."""


def main() -> None:
    rates: dict[str, list[float]] = defaultdict(list)
    for line in sys.stdin:
        row = json.loads(line)
        rates[row["peer"]].append(row["frames_per_second"])
    middle = {peer: median(values) for peer, values in rates.items()}
    for peer, values in rates.items():
        reference = REFERENCES.get(peer)
        ratio = f"  {reference} is {middle[reference] / middle[peer]:.2f} times as fast" if reference in middle else ""
        print(f"{peer:16} {middle[peer]:8.2f} frames/s (median of {len(values)}){ratio}")


if __name__ == "__main__":
    main()
