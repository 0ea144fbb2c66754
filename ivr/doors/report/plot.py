"""Where the retention curve's lines and words stand on a page: all lengths in SVG units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ivr.rules.retention import Curve, Point
from ivr.rules.typical import Typical

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
    usual, usual_middle: range and middle of earlier messages, "" when there are none.
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
