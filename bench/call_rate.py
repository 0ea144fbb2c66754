"""The highest sustained rate of 1-second calls, ours and without us: `python bench/call_rate.py [SECONDS]`.

All may have the same number of calls at once and nothing else holds them back, on the same Asterisk, in turn. Twice:
with Asterisk on cores of its own, so that the limit is Asterisk's, and with all on the same cores, where on a small
machine the limit is the machine's. Counted are calls that the far end saw answered and ended within the window.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from bare import Flood, Pace
from results import Figures, show
from stand import BARE, CALL_FILES, ONE_SECOND_MS, OURS, PLAYBACK, Stand, Window, stand

WARM_UP_S = 4.0
MOST_CPS = 500
FIRST_CHANNELS, MOST_CHANNELS = 120, 1000
TUNING_S, FULL_TALK_S = 1.5, 1.1
AT_LEAST = {"apart": 0.9, "shared": 0.6}
"""The second is what is left when ours may cost half of what Asterisk costs, on cores that both share."""


@dataclass(frozen=True)
class Round:
    """One window of one contender. `whole`: share of its calls that heard all three sounds; 0 where it is not told."""

    window: Window
    whole: float = 0.0
    caller_ms: float = 0.0


Rounds = dict[str, list[Round]]


def measure(seconds: float = 10.0, rounds: int = 2) -> Figures:
    figures = Figures()
    with stand(ONE_SECOND_MS, MOST_CHANNELS) as one:
        figures.update(_compared(one, "shared", seconds, rounds))
        if one.can_be_apart():
            with one.apart():
                figures.update(_compared(one, "apart", seconds, rounds))
    return figures


def _compared(one: Stand, where: str, seconds: float, rounds: int) -> Figures:
    """Without us in each way, ours, and bare again: what drifts in the meantime falls on both alike."""
    found: Rounds = {}
    with one.without_us():
        channels = _enough(one)
        one.set_channels(channels)
        for who in (CALL_FILES, PLAYBACK, BARE):
            found[who] = [_bare(one, who, seconds, channels)]
    found["ours"] = [_ours(one, seconds) for _ in range(rounds)]
    with one.without_us():
        found[BARE] += [_bare(one, BARE, seconds, channels) for _ in range(rounds - 1)]
    figures = figures_of(where, found)
    figures.add(f"call_rate_{where}_channels", channels, "calls at once, the most that anybody may have")
    return figures


def _enough(one: Stand) -> int:
    """So many bare calls at once that Asterisk is full, and not many more: 1-second calls begin to take longer."""
    pace = Pace(FIRST_CHANNELS)
    with one.bare(BARE, pace):
        one.watch(WARM_UP_S / 2)
        while one.watch(TUNING_S).talk_s < FULL_TALK_S and pace.channels < MOST_CHANNELS:
            pace.channels = min(MOST_CHANNELS, int(pace.channels * 1.2))
    return pace.channels


def _ours(one: Stand, seconds: float) -> Round:
    with one.ours(people=int(MOST_CPS * (seconds + WARM_UP_S))) as campaign:
        one.watch(WARM_UP_S)
        window = one.watch(seconds)
    return Round(window, one.heard_whole(campaign))


def _bare(one: Stand, who: str, seconds: float, channels: int) -> Round:
    with one.bare(who, Pace(channels)) as caller:
        one.watch(WARM_UP_S)
        window = one.watch(seconds)
    whole = caller.whole / max(1, caller.ended) if isinstance(caller, Flood) else 0.0
    return Round(window, whole, 1000 * caller.cpu_s / max(1, caller.pace.sent))


def figures_of(where: str, found: Rounds) -> Figures:
    """The ratio, and for each contender what it did, what it cost and what was busy."""
    figures = Figures()
    rates = {who: max(0.01, sum(one.window.rate_cps for one in some) / len(some)) for who, some in found.items()}
    figures.ratio(f"call_rate_{where}_ours_over_bare", rates["ours"] / rates[BARE], at_least=AT_LEAST[where])
    for who, some in found.items():
        name, windows = f"call_rate_{where}_{who}", [one.window for one in some]
        figures.add(f"{name}_cps", rates[who], "calls/s")
        if len(windows) > 1:
            spread = (max(w.rate_cps for w in windows) - min(w.rate_cps for w in windows)) / rates[who]
            figures.add(f"{name}_spread", spread, "greatest less least round, as a share of the mean")
        figures.add(f"{name}_talk_s", max(w.talk_s for w in windows), "s (median of a call of 1.00 s)")
        figures.add(f"{name}_asterisk_ms", _mean(windows, "asterisk"), "CPU ms/call")
        figures.add(f"{name}_far_end_ms", _mean(windows, "far_end"), "CPU ms/call")
        figures.add(f"{name}_caller_ms", _caller_ms(who, some), "CPU ms/call, of what makes the calls")
        figures.add(f"{name}_asterisk_cores_busy", sum(w.busy[0] for w in windows) / len(windows), "of 1")
        figures.add(f"{name}_other_cores_busy", sum(w.busy[1] for w in windows) / len(windows), "of 1")
        if whole := min(one.whole for one in some):
            figures.add(f"{name}_heard_whole", whole, "of the answered calls")
    figures.add(f"call_rate_{where}_by_budget", _cost_ms(BARE, found) / _cost_ms("ours", found), "bare / ours, all CPU")
    for part in OURS:
        figures.add(f"call_rate_{where}_{part}_ms", _mean([one.window for one in found["ours"]], part), "CPU ms/call")
    return figures


def _caller_ms(who: str, some: list[Round]) -> float:
    return sum(one.window.ours_ms_per_call() if who == "ours" else one.caller_ms for one in some) / len(some)


def _cost_ms(who: str, found: Rounds) -> float:
    """All that a call costs the machine: Asterisk, who makes the call, and the far end."""
    return _mean([one.window for one in found[who]], "asterisk", "far_end") + _caller_ms(who, found[who])


def _mean(windows: list[Window], *parts: str) -> float:
    return sum(w.cpu_ms_per_call(*parts) for w in windows) / len(windows)


if __name__ == "__main__":
    show(measure(float(sys.argv[1])) if sys.argv[1:] else measure())
