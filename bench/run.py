"""The whole bench, `make bench`: every part, a table, bench/latest.json, a line in bench/history.jsonl, and the page.

`python bench/run.py PART…` runs only these parts, `--quick` makes each short: see suite.py.
"""

from __future__ import annotations

import sys

import books
import call_rate
import cpu
import held
import nodes
import page
import sound
import suite

SUITE = suite.Suite(
    {
        "call_rate": (call_rate.measure, lambda: call_rate.measure(4.0, rounds=1)),
        "cpu": (cpu.measure, lambda: cpu.measure(5.0)),
        "held": (held.measure, lambda: held.measure(20)),
        "nodes": (nodes.measure, lambda: nodes.measure(4.0)),
        "books": (books.measure, lambda: books.measure(books.SIZES[:2])),
        "sound": (sound.measure, lambda: sound.measure(2)),
    },
    page.PERFORMANCE,
)

if __name__ == "__main__":
    sys.exit(SUITE.main(__doc__ or ""))
