"""CPU per call of our processes and Redis beside Asterisk's own, 1-second calls: `python bench/cpu.py [SECONDS]`.

At two steady rates that leave the machine room; ours, a bare flood to the same effect and call files in turn on the
same Asterisk. `bench/held.py` does the same for 55-second calls.
"""

from __future__ import annotations

import sys

from bare import Pace
from results import Figures, show
from stand import BARE, CALL_FILES, ONE_SECOND_MS, OURS, Stand, Window, stand

RATES_CPS = {"1s": 30.0, "1s_at_100": 100.0}
CHANNELS = 300
WARM_UP_S = 3.0
MOST = 0.5


def measure(seconds: float = 15.0) -> Figures:
    figures = Figures()
    with stand(ONE_SECOND_MS, CHANNELS) as one:
        ours = {name: _ours(one, rate_cps, seconds) for name, rate_cps in RATES_CPS.items()}
        with one.without_us():
            for name, rate_cps in RATES_CPS.items():
                bare, _ = _bare(one, BARE, rate_cps, seconds)
                figures.update(figures_of(name, ours[name], bare, MOST))
                files, writer_ms = _bare(one, CALL_FILES, rate_cps, seconds)
                figures.add(f"cpu_{name}_asterisk_call_files_ms", files.cpu_ms_per_call("asterisk"), "CPU ms/call")
                figures.add(f"cpu_{name}_call_files_writer_ms", writer_ms, "CPU ms/call")
                figures.add(f"cpu_{name}_call_files_cps", files.rate_cps, "calls/s")
    return figures


def _ours(one: Stand, rate_cps: float, seconds: float) -> Window:
    with one.ours(people=int(rate_cps * (seconds + WARM_UP_S) * 1.2), rate_cps=rate_cps):
        one.watch(WARM_UP_S)
        return one.watch(seconds)


def _bare(one: Stand, who: str, rate_cps: float, seconds: float) -> tuple[Window, float]:
    with one.bare(who, Pace(CHANNELS, rate_cps)) as caller:
        one.watch(WARM_UP_S)
        window = one.watch(seconds)
    return window, 1000 * caller.cpu_s / max(1, caller.pace.sent)


def figures_of(calls: str, ours: Window, bare: Window, at_most: float) -> Figures:
    """The figures of two windows with calls of the same length."""
    figures = Figures()
    own = ours.cpu_ms_per_call("asterisk")
    figures.ratio(f"cpu_{calls}_ours_over_asterisk", ours.ours_ms_per_call() / own, at_most=at_most)
    figures.add(f"cpu_{calls}_calls", len(ours.ended), f"calls at {ours.rate_cps:.1f}/s")
    figures.add(f"cpu_{calls}_cps", ours.rate_cps, "calls/s")
    figures.add(f"cpu_{calls}_ours_ms", ours.ours_ms_per_call(), "CPU ms/call")
    figures.add(f"cpu_{calls}_asterisk_ms", own, "CPU ms/call")
    figures.add(f"cpu_{calls}_asterisk_bare_ms", bare.cpu_ms_per_call("asterisk"), "CPU ms/call")
    figures.add(f"cpu_{calls}_far_end_ms", ours.cpu_ms_per_call("far_end"), "CPU ms/call")
    for part in OURS:
        figures.add(f"cpu_{calls}_{part}_ms", ours.cpu_ms_per_call(part), "CPU ms/call")
    return figures


if __name__ == "__main__":
    show(measure(*(float(given) for given in sys.argv[1:2])))
