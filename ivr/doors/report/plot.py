"""Where the retention curve's lines and words stand on a page: all lengths in SVG units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ivr.rules.retention import Curve, Point
from ivr.rules.typical import Typical
from ivr.usecases.reporting import Report

STRIP = 44
"""Height of the message's sound beneath the axis."""
STEPS_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800)


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis and what it stands for: a share 0…1, or seconds with at_risk, the calls observed there."""

    where: float
    value: float
    at_risk: int = 0


@dataclass(frozen=True, slots=True)
class Plot:
    """A curve's drawing. line, band: SVG path data. first, last: places of the first and last points drawn.
    usual, usual_middle: range and middle of earlier messages, "" when there are none. wave: the message's sound, in
    a strip beneath the axis, "" when it is not known.
    """

    width: int
    height: int
    left: float
    right: float
    top: float
    bottom: float
    line: str
    band: str
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    first: tuple[float, float]
    last: tuple[float, float]
    usual: str = ""
    usual_middle: str = ""
    wave: str = ""


def of_report(report: Report, size: tuple[int, int], labels: int) -> Plot | None:
    """The drawing of a report's curve, with what is typical and the message's sound beneath; None without a curve."""
    if report.curve is None:
        return None
    plain = plot(report.curve, size, labels, report.typical)
    if not report.waveform:
        return plain
    strip = (plain.left, plain.right, plain.height + STRIP / 2 + 4, STRIP / 2 - 8)
    return replace(plain, height=plain.height + STRIP, wave=_wave(report.waveform, strip))


def _wave(loud: Sequence[float], strip: tuple[float, float, float, float]) -> str:
    """Loudness as a path about a line. strip: left, right, the line's height, and how far the loudest reaches."""
    left, right, line, reach = strip
    across = [round(left + (right - left) * (part + 0.5) / len(loud), 1) for part in range(len(loud))]
    over = [(x, round(line - reach * one, 1)) for x, one in zip(across, loud, strict=True)]
    under = [(x, round(line + reach * one, 1)) for x, one in zip(across, loud, strict=True)]
    return _path(over + under[::-1]) + "Z"


def sounds(report: Report) -> dict[int, float]:
    """How loud the message is at most in the second before each point of the curve, by the point's instant."""
    points, loud = report.curve.points if report.curve else (), report.waveform
    if not points or not loud:
        return {}
    places = [len(loud) * point.at_ms / points[-1].at_ms for point in points]
    spans = zip(points[1:], places, places[1:], strict=False)
    return {point.at_ms: max(loud[int(begin) : math.ceil(end)]) for point, begin, end in spans}


def plot(curve: Curve, size: tuple[int, int], labels: int, usual: Typical | None = None) -> Plot:
    """The drawing of `curve` in `size` (width, height) with at most about `labels` words on the time axis.

    Points where nobody was observed any more are not drawn: the line ends there.
    """
    width, height = size
    left, right, top, bottom = 46.0, width - 62.0, 12.0, height - 62.0
    drawn = [point for point in curve.points if point.share is not None]
    length_ms = curve.points[-1].at_ms

    def x(point: Point) -> float:
        return round(left + (right - left) * point.at_ms / length_ms, 1)

    def y(share: float | None) -> float:
        return round(bottom - (bottom - top) * (share or 0.0), 1)

    line = [(x(point), y(point.share)) for point in drawn]
    edge = [(x(point), y(point.high)) for point in drawn] + [(x(point), y(point.low)) for point in reversed(drawn)]
    ticks = tuple(Tick(x(point), point.at_ms / 1000, point.at_risk) for point in labelled(curve.points, labels))
    shares = tuple(Tick(y(share), share) for share in (0.0, 0.25, 0.5, 0.75, 1.0))
    range_, middle = _usual(usual, (left, right, top, bottom))
    return Plot(
        width,
        height,
        left,
        right,
        top,
        bottom,
        _path(line),
        _path(edge) + "Z",
        ticks,
        shares,
        line[0],
        line[-1],
        range_,
        middle,
    )


def _usual(usual: Typical | None, box: tuple[float, float, float, float]) -> tuple[str, str]:
    """Range and middle of what is typical as paths within the box: left, right, top, bottom."""
    if usual is None:
        return "", ""
    left, right, top, bottom = box

    def at(share: float, value: float) -> tuple[float, float]:
        return round(left + (right - left) * share, 1), round(bottom - (bottom - top) * value, 1)

    high = [at(place.share, place.high) for place in usual.places]
    low = [at(place.share, place.low) for place in reversed(usual.places)]
    return _path(high + low) + "Z", _path([at(place.share, place.middle) for place in usual.places])


def _path(places: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{across} {up}" for across, up in places)


def labelled(points: Sequence[Point], labels: int) -> list[Point]:
    """Points at round seconds, at most about `labels`, and the last one in place of a neighbour too near."""
    seconds = points[-1].at_ms / 1000
    step = next((step for step in STEPS_S if seconds / step <= labels), STEPS_S[-1])
    chosen = [point for point in points[:-1] if point.at_ms % (1000 * step) == 0]
    if len(chosen) > 1 and points[-1].at_ms - chosen[-1].at_ms < 600 * step:
        chosen.pop()
    return [*chosen, points[-1]]
