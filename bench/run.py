"""The whole bench, `make bench`: every part, a table, bench/latest.json, a line in bench/history.jsonl, and the page.

`python bench/run.py PART…` runs only these parts; the others' figures in latest.json stay, with the time they are of.
`--quick` makes every part short: to see that it works, not to compare; nothing is written.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import books
import call_rate
import cpu
import held
import nodes
import page
import results
import sound
import stand

PARTS: dict[str, tuple[Callable[[], results.Figures], Callable[[], results.Figures]]] = {
    "call_rate": (call_rate.measure, lambda: call_rate.measure(4.0, rounds=1)),
    "cpu": (cpu.measure, lambda: cpu.measure(5.0)),
    "held": (held.measure, lambda: held.measure(20)),
    "nodes": (nodes.measure, lambda: nodes.measure(4.0)),
    "books": (books.measure, lambda: books.measure(books.SIZES[:2])),
    "sound": (sound.measure, lambda: sound.measure(2)),
}


def main(names: list[str], quick: bool) -> bool:
    """Runs the parts; True when every ratio is as it should be."""
    about: dict[str, object] = {"commit": stand.commit(), **stand.machine()}
    found = results.Figures()
    for name in names:
        begun_s = time.monotonic()
        print(f"{name} …", file=sys.stderr, flush=True)
        found.update(PARTS[name][quick]())
        print(f"{name}: {time.monotonic() - begun_s:.0f} s", file=sys.stderr, flush=True)
    about["load_average_after"] = stand.machine()["load_average_before"]
    results.show(found)
    if not quick:
        results.write(found, about, whole=set(names) == set(PARTS))
        page.PAGE.write_text(page.page(), encoding="utf-8")
    return all(ratio["ok"] for ratio in found.ratios.values())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="short, to see that it works")
    parser.add_argument("--strict", action="store_true", help="fail when a ratio is not as it should be")
    told = parser.parse_args()
    if unknown := set(told.parts) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    all_hold = main(told.parts or list(PARTS), told.quick)
    sys.exit(1 if told.strict and not all_hold else 0)
