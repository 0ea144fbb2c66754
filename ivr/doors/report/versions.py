"""The versions of a message in words: the chief figures of each, and what can be said of it beside the first one."""

from __future__ import annotations

from ivr.doors.report.words import Words, clean
from ivr.rules.difference import Difference
from ivr.usecases.reporting import Measure, Report

CHIEF = ("listen_rate", "completion", "median", "answer_rate", "early_hangup", "notice", "opt_out")
"""What is told of each version."""


def sentences(report: Report, say: Words) -> list[str]:
    """Of each version but the first a sentence that stays true however often the report is read."""
    first = clean(report.versions[0].facts.name) if report.versions else ""
    return [_sentence(one.difference, one.facts.name, first, say) for one in report.versions if one.difference]


def _sentence(found: Difference, name: str, first: str, say: Words) -> str:
    low, high = found.gain.low, found.gain.high
    less, more = (-low, high) if low < 0 < high else sorted((abs(low), abs(high)))
    told = {"low": say.number(100 * less, 1), "high": say.number(100 * more, 1)}
    return say(f"difference.{found.verdict}", which=clean(name), first=first, **told)


def figures(version: Report, say: Words) -> list[tuple[str, str]]:
    """Each chief figure with its name, interval and count; what must not be told says so."""
    if version.hidden:
        return [(say("listen_rate"), say("versions.hidden"))]
    length_s = version.facts.message_ms / 1000
    told = [(say(one.id), _figure(one, length_s, say)) for one in map(version.measure, CHIEF)]
    gain, found = version.gain, version.difference
    if gain:
        span = say("interval_is", span=say.points(gain.low, gain.high))
        told.append((say("gain"), f"{say.number(100 * gain.value, 1)} ({span})"))
    if found:
        told.append((say("gain_always"), say.points(found.gain.low, found.gain.high)))
        told += [(say(name), say.chance(getattr(found, name))) for name in ("p_rates", "p_leaving", "p_once")]
    return told


def _figure(one: Measure, length_s: float, say: Words) -> str:
    span = say.span(one, length_s)
    counted = f"{say.counted(one)}; {say('interval_is', span=span)}" if span else say.counted(one)
    return f"{say.value(one, length_s)} ({counted})" if counted else say.value(one, length_s)
