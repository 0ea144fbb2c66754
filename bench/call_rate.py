"""The highest sustained call rate with 1-second calls, ours and a bare AMI flood's: `python bench/call_rate.py`.

Both may have the same number of calls at once and nothing else holds them back; ours, bare, bare, ours, on the same
Asterisk. Counted are calls that the far end saw answered and ended within the window.
"""

from __future__ import annotations

import sys

from flood import Flood
from results import Figures, show
from stand import ONE_SECOND_MS, OURS, Stand, Window, stand

WARM_UP_S = 5.0


def measure(seconds: float = 15.0, channels: int = 500, rounds: int = 2) -> Figures:
    windows: dict[str, list[Window]] = {"ours": [], "bare": []}
    with stand(ONE_SECOND_MS, channels) as one:
        for turn in range(rounds):
            for who in ("ours", "bare") if turn % 2 == 0 else ("bare", "ours"):
                windows[who].append(_ours(one, seconds) if who == "ours" else _bare(one, seconds, channels))
    return _figures(windows)


def _ours(one: Stand, seconds: float) -> Window:
    with one.ours(people=int(400 * (seconds + WARM_UP_S))):
        one.watch(WARM_UP_S)
        return one.watch(seconds)


def _bare(one: Stand, seconds: float, channels: int) -> Window:
    with one.without_us(), Flood(one.settings, channels):
        one.watch(WARM_UP_S)
        return one.watch(seconds)


def _figures(windows: dict[str, list[Window]]) -> Figures:
    rates = {who: sum(w.rate_cps for w in some) / len(some) for who, some in windows.items()}
    figures = Figures()
    figures.ratio("call_rate_ours_over_bare", rates["ours"] / rates["bare"], at_least=0.9)
    for who, some in windows.items():
        figures.add(f"call_rate_{who}_cps", rates[who], "calls/s")
        spread = (max(w.rate_cps for w in some) - min(w.rate_cps for w in some)) / rates[who]
        figures.add(f"call_rate_{who}_spread", spread, "greatest less least round, as a share of the mean")
        figures.add(f"call_rate_{who}_talk_s", max(w.talk_s for w in some), "s (median of a call of 1.00 s)")
        figures.add(f"call_rate_{who}_asterisk_ms", _mean(some, "asterisk"), "CPU ms/call")
    for part in OURS:
        figures.add(f"call_rate_{part}_ms", _mean(windows["ours"], part), "CPU ms/call")
    return figures


def _mean(windows: list[Window], *parts: str) -> float:
    return sum(w.cpu_ms_per_call(*parts) for w in windows) / len(windows)


if __name__ == "__main__":
    show(measure(float(sys.argv[1])) if sys.argv[1:] else measure())
