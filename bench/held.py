"""55-second calls held at once with clean audio, ours and bare Playback's: `python bench/held.py [CALLS]`.

The same number of calls through the same Asterisk, one set after the other. A call is clean when its far end got every
packet and never waited longer than a telephone's buffer lasts. The CPU per call is that of the whole run, from the
first call to the last one's end.
"""

from __future__ import annotations

import statistics
import sys

from bare import Pace
from cpu import figures_of
from results import Figures, show
from stand import FIFTY_FIVE_SECONDS_MS, PLAYBACK, Stand, Window, added, stand

from ivr.rules.segments import Segment

CALLS = 250
RAMP_CPS = 16.0
LONGEST_GAP_S = 0.080
"""One packet every 20 ms, and a jitter buffer of 60 ms, the least that telephones have."""
HEARD_MS = sum(FIFTY_FIVE_SECONDS_MS[segment] for segment in (Segment.PREROLL, Segment.MESSAGE, Segment.NOTICE))

JOINTS_S = (
    FIFTY_FIVE_SECONDS_MS[Segment.PREROLL] / 1000,
    (FIFTY_FIVE_SECONDS_MS[Segment.PREROLL] + FIFTY_FIVE_SECONDS_MS[Segment.MESSAGE]) / 1000,
)
"""Where in a call one recording ends and the next begins."""

Streams = list[dict[str, float]]


def measure(calls: int = CALLS, rounds: int = 1) -> Figures:
    found: dict[str, list[tuple[Window, Streams]]] = {"ours": [], "bare": []}
    with stand(FIFTY_FIVE_SECONDS_MS, calls + 20, listening=True) as one:
        for turn in range(rounds):
            for who in ("ours", "bare") if turn % 2 == 0 else ("bare", "ours"):
                found[who].append(_ours(one, calls) if who == "ours" else _bare(one, calls))
    windows = {who: added([window for window, _ in some]) for who, some in found.items()}
    figures = figures_of("55s", windows["ours"], windows["bare"], at_most=0.05)
    clean = {who: sum(_clean(heard) for _, heard in some) / rounds for who, some in found.items()}
    figures.ratio("held_clean_ours_over_bare", clean["ours"] / max(1, clean["bare"]), at_least=0.95)
    for who, some in found.items():
        figures.add(f"held_{who}_clean", clean[who], f"of {calls} calls, mean of {rounds} rounds")
        _add_gaps(figures, who, [stream for _, heard in some for stream in heard])
        cores = windows[who].cpu_s["asterisk"] / windows[who].seconds
        figures.add(f"held_{who}_asterisk_cores", cores, "cores, mean of the run")
    return figures


def _ours(one: Stand, calls: int) -> tuple[Window, Streams]:
    with one.ours(people=calls, rate_cps=RAMP_CPS):
        return _held(one, calls)


def _bare(one: Stand, calls: int) -> tuple[Window, Streams]:
    with one.without_us(), one.bare(PLAYBACK, Pace(calls, RAMP_CPS, calls)):
        return _held(one, calls)


def _held(one: Stand, calls: int) -> tuple[Window, Streams]:
    window = one.watch(calls / RAMP_CPS + HEARD_MS / 1000 + 15, calls)
    heard = one.far_end.heard()
    one.far_end.listen_anew()
    return window, heard


def _add_gaps(figures: Figures, who: str, heard: Streams) -> None:
    gaps_ms = sorted(stream["longest_gap_s"] * 1000 for stream in heard) or [0.0]
    figures.add(f"held_{who}_gap_median_ms", statistics.median(gaps_ms), "ms, longest gap of a call")
    figures.add(f"held_{who}_gap_p99_ms", gaps_ms[int(len(gaps_ms) * 0.99)], "ms, longest gap of a call")
    at_joint = sum(any(abs(stream["gap_at_s"] - joint_s) < 0.3 for joint_s in JOINTS_S) for stream in heard)
    figures.add(f"held_{who}_gap_at_joint", at_joint / max(1, len(heard)), "of the calls had it between two recordings")
    figures.add(f"held_{who}_lost", sum(stream["lost"] for stream in heard), "packets")


def _clean(heard: Streams) -> int:
    whole = HEARD_MS / 20 - 2
    return sum(
        stream["packets"] >= whole and stream["lost"] == 0 and stream["longest_gap_s"] <= LONGEST_GAP_S
        for stream in heard
    )


if __name__ == "__main__":
    show(measure(*(int(given) for given in sys.argv[1:2])))
