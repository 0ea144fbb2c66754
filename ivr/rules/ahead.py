"""Orders ahead: how many orders of each campaign are to wait for each trunk, so that a turn never finds none.

All of a trunk's campaigns together have the next second or two of its pace, divided as its turns are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from ivr.rules.sharing import EQUAL, Share, divide

LEAST = 2
"""A campaign with any part has so many, one to be sent and one to wait, or its share would be lost to rounding."""


@dataclass(frozen=True, slots=True)
class Asker:
    """A campaign that runs. trunks: the preferred one first. dry: it was asked for people lately, and none came."""

    campaign: int
    trunks: tuple[str, ...]
    rate_cps: float
    share: Share = EQUAL
    dry: bool = False


@dataclass(frozen=True, slots=True)
class Room:
    """What a trunk can take: its rate, and how many orders its channels have room for."""

    rate_cps: float
    orders: int


Parts = dict[tuple[int, str], int]
"""By campaign and trunk."""


def orders_ahead(askers: Iterable[Asker], rooms: Mapping[str, Room], ahead_s: float) -> Parts:
    """How many orders each campaign may have on each trunk, those that wait already included.

    A higher priority is served first; within one, trunks are divided by weight, and a campaign's next trunk takes what
    those before have no room for. Campaigns that are dry come after all others: they hold back nobody.
    """
    left = {name: min(_orders(room.rate_cps, ahead_s), room.orders) for name, room in rooms.items()}
    parts: Parts = {}
    by_class = sorted(askers, key=_class)
    for _, group in groupby(by_class, _class):
        parts |= _of_class(list(group), rooms, left, ahead_s)
    return parts


def _class(one: Asker) -> tuple[bool, int]:
    return one.dry, -one.share.priority


def _of_class(group: list[Asker], rooms: Mapping[str, Room], left: dict[str, int], ahead_s: float) -> Parts:
    rate_cps, parts = {one.campaign: one.rate_cps for one in group}, Parts()
    for trunk, those in _by_preference(group, rooms):
        own_cps = {one.campaign: min(rooms[trunk].rate_cps, rate_cps[one.campaign]) for one in those}
        wanted = {one: _orders(cps, ahead_s) for one, cps in own_cps.items()}
        last = those[0].dry and rooms[trunk].orders > 0
        part = _part(left[trunk], wanted, {one.campaign: one.share for one in those}, last)
        for one, count in part.items():
            parts[one, trunk] = count
            rate_cps[one] -= min(own_cps[one], count / ahead_s)
        left[trunk] = max(0, left[trunk] - sum(part.values()))
    return parts


def _by_preference(group: list[Asker], rooms: Mapping[str, Room]) -> Iterator[tuple[str, list[Asker]]]:
    """First every campaign's first trunk that is there, then the second ones…"""
    here = {one.campaign: [trunk for trunk in one.trunks if trunk in rooms] for one in group}
    for rank in range(max(map(len, here.values()))):
        by_trunk: dict[str, list[Asker]] = {}
        for one in group:
            if rank < len(here[one.campaign]):
                by_trunk.setdefault(here[one.campaign][rank], []).append(one)
        yield from by_trunk.items()


def _part(total: int, wanted: Mapping[int, int], shares: Mapping[int, Share], last: bool) -> dict[int, int]:
    """Nobody who wants any is left without one, nor are those who come last: whom a single call is for, turns say."""
    part = divide(total, wanted, shares)
    if total <= 0 and not last:
        return part
    least = LEAST if total >= LEAST * len(wanted) else 1
    return {one: max(count, min(least, wanted[one])) for one, count in part.items()}


def _orders(rate_cps: float, ahead_s: float) -> int:
    return max(1, round(rate_cps * ahead_s)) if rate_cps > 0 else 0
