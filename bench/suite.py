"""A bench of several parts, as a command: what each found, a table, a file of figures and the page made of it.

`PART…` runs only these parts; the others' figures stay, with the time they are of. `--quick` makes every part short: to
see that it works, not to compare; nothing is written.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import page
import results
import stand

Part = tuple[Callable[[], results.Figures], Callable[[], results.Figures]]
"""Measures something: whole, and shortly."""


@dataclass(frozen=True)
class Suite:
    """parts: by name, in the order in which they run. page: what is written of them."""

    parts: Mapping[str, Part]
    page: page.Page

    def run(self, names: list[str], quick: bool) -> bool:
        """Runs the parts; True when every ratio is as it should be."""
        about: dict[str, object] = {"commit": stand.commit(), **stand.machine()}
        found = results.Figures()
        for name in names:
            begun_s = time.monotonic()
            print(f"{name} …", file=sys.stderr, flush=True)
            found.update(self.parts[name][quick]())
            print(f"{name}: {time.monotonic() - begun_s:.0f} s", file=sys.stderr, flush=True)
        about["load_average_after"] = stand.machine()["load_average_before"]
        results.show(found)
        if not quick:
            results.write(found, about, set(names) == set(self.parts), self.page.figures)
            self.page.write()
        return all(ratio["ok"] for ratio in found.ratios.values())

    def main(self, says: str) -> int:
        """What the command line asks for is done; the status of the process."""
        parser = argparse.ArgumentParser(description=says.partition("\n")[0])
        parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(self.parts)}; default: all")
        parser.add_argument("--quick", action="store_true", help="short, to see that it works")
        parser.add_argument("--strict", action="store_true", help="fail when a ratio is not as it should be")
        told = parser.parse_args()
        if unknown := set(told.parts) - set(self.parts):
            parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(self.parts)}")
        all_hold = self.run(told.parts or list(self.parts), told.quick)
        return 1 if told.strict and not all_hold else 0
