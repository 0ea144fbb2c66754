"""CPU per call of our processes and Redis beside Asterisk's own, 1-second calls: `python bench/cpu.py [SECONDS]`.

At a steady rate that leaves the machine room, ours and bare in turn on the same Asterisk. `bench/held.py` does the same
for 55-second calls.
"""

from __future__ import annotations

import sys

from flood import Flood
from results import Figures, show
from stand import ONE_SECOND_MS, OURS, Window, stand

RATE_CPS = 30.0
WARM_UP_S = 3.0


def measure(seconds: float = 20.0, rate_cps: float = RATE_CPS) -> Figures:
    with stand(ONE_SECOND_MS, channels=200) as one:
        with one.ours(people=int(rate_cps * (seconds + WARM_UP_S) * 1.2), rate_cps=rate_cps):
            one.watch(WARM_UP_S)
            ours = one.watch(seconds)
        with one.without_us(), Flood(one.settings, 200, rate_cps):
            one.watch(WARM_UP_S)
            bare = one.watch(seconds)
    return figures_of("1s", ours, bare, at_most=0.5)


def figures_of(calls: str, ours: Window, bare: Window, at_most: float) -> Figures:
    """The figures of two windows with calls of the same length."""
    figures = Figures()
    own = ours.cpu_ms_per_call("asterisk")
    figures.ratio(f"cpu_{calls}_ours_over_asterisk", ours.cpu_ms_per_call(*OURS) / own, at_most=at_most)
    figures.add(f"cpu_{calls}_calls", len(ours.ended), f"calls at {ours.rate_cps:.1f}/s")
    figures.add(f"cpu_{calls}_ours_ms", ours.cpu_ms_per_call(*OURS), "CPU ms/call")
    figures.add(f"cpu_{calls}_asterisk_ms", own, "CPU ms/call")
    figures.add(f"cpu_{calls}_asterisk_bare_ms", bare.cpu_ms_per_call("asterisk"), "CPU ms/call")
    for part in OURS:
        figures.add(f"cpu_{calls}_{part}_ms", ours.cpu_ms_per_call(part), "CPU ms/call")
    return figures


if __name__ == "__main__":
    show(measure(*(float(given) for given in sys.argv[1:2])))
