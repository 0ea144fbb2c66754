"""Parts of one limit: whatever the order in which PBXs ask and die, together they never have more than it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.rules.allotment import Held, Limit, Part, part_of, settle_s, units
from ivr.rules.pacing import Pacer

NAMES = ["pbx1", "pbx2", "pbx3", "pbx4"]
RATES = st.one_of(st.floats(0.05, 0.99), st.floats(1, 60))
LIMITS = st.builds(Limit, RATES, st.integers(0, 50))


def beat(name: str, limit: Limit, rows: dict[str, Held], wants: bool, live: int) -> Held:
    others = {other: held for other, held in rows.items() if other != name}
    rows[name] = part_of(name, limit, Held(wants, live=live), others)
    return rows[name]


def written(rows: dict[str, Held]) -> tuple[int, int]:
    rate = sum(units(held.rate_cps) for held in rows.values())
    return rate, sum(max(held.channels, held.live) for held in rows.values())


BEATS = st.lists(st.tuples(st.sampled_from(NAMES), st.booleans(), st.integers(0, 60)), max_size=60)


@given(LIMITS, BEATS)
def test_the_parts_never_add_up_to_more_than_the_limit(limit: Limit, beats: list[tuple[str, bool, int]]) -> None:
    rows: dict[str, Held] = {}
    live: dict[str, int] = {}
    for name, wants, more in beats:
        before = rows.get(name, Held())
        live[name] = min(live.get(name, 0) // 2 + more, before.channels)  # calls end, and begin while there is room
        beat(name, limit, rows, wants, live[name])
        rate, channels = written(rows)
        assert rate <= units(limit.rate_cps)
        assert channels <= limit.channels


@given(LIMITS, st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True), st.data())
def test_they_come_to_be_even_and_nothing_is_left_over(limit: Limit, names: list[str], data: st.DataObject) -> None:
    rows: dict[str, Held] = {}
    for name, wants, _ in data.draw(BEATS):
        beat(name, limit, rows, wants, 0)
    for name in set(rows) - set(names):
        del rows[name]  # dead
    for name in [*names, *names, *names]:
        beat(name, limit, rows, True, 0)
    parts = [units(held.rate_cps) for held in rows.values()]
    assert sum(parts) == units(limit.rate_cps)
    assert max(parts) - min(parts) <= 1
    assert sum(held.channels for held in rows.values()) == limit.channels


@pytest.mark.parametrize("rate_cps", [0.2, 1, 10.5])
def test_one_that_is_alone_has_all_of_it_at_once(rate_cps: float) -> None:
    for wants in (True, False):
        assert part_of("a", Limit(rate_cps, 7), Held(wants, live=3), {}) == Held(wants, rate_cps, 7, 3)


def test_who_wants_nothing_gives_all_of_it_and_who_is_to_give_gives_first() -> None:
    rows: dict[str, Held] = {}
    beat("a", Limit(10, 20), rows, True, 15)
    assert beat("b", Limit(10, 20), rows, True, 0) == Held(True, 0, 0, 0)
    assert beat("a", Limit(10, 20), rows, True, 15) == Held(True, 5, 10, 15)
    assert beat("b", Limit(10, 20), rows, True, 0) == Held(True, 5, 5, 0), "ten channels less the five above a's part"
    beat("a", Limit(10, 20), rows, False, 0)
    assert beat("b", Limit(10, 20), rows, True, 0) == Held(True, 10, 20, 0)


def test_a_limit_that_is_lowered_is_held_by_all_after_one_beat_of_each() -> None:
    rows: dict[str, Held] = {}
    for name in ("a", "b", "a", "b"):
        beat(name, Limit(10, 20), rows, True, 0)
    for name in ("a", "b"):
        beat(name, Limit(3, 4), rows, True, 0)
    assert written(rows)[0] <= 3
    assert written(rows)[1] <= 4


def test_less_holds_at_once_and_more_after_a_while() -> None:
    part = Part()
    part.wrote(Held(True, 4, 8), 10.0, after_s=1.5)
    assert part.at(10.4) == (0, 0)
    assert part.at(10.6) == (0, 8)
    part.wrote(Held(True, 4, 8), 11.0, after_s=1.5)  # the next beat says the same, and does not put it off
    assert part.at(11.5) == (4, 8)
    part.wrote(Held(True, 2, 9), 12.0, after_s=1.5)
    assert part.at(12.0) == (2, 8)
    assert part.at(12.5) == (2, 9)
    part.lapse()
    assert part.at(99.0) == (0, 0)


@dataclass
class Node:
    name: str
    part: Part = field(default_factory=Part)
    pacer: Pacer = field(default_factory=lambda: Pacer(1.0))


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.sampled_from([0.4, 1.0, 2.5, 9.0])), st.integers(0, 2**32), st.integers(2, 4))
def test_in_no_rolling_second_do_all_together_send_more_than_the_rate(rate_cps: float, seed: int, count: int) -> None:
    """Beats at any time, wants that change, and each sends whenever its own part lets it."""
    draw, limit = random.Random(seed), Limit(rate_cps, 1000)
    rows: dict[str, Held] = {}
    nodes = [Node(name) for name in NAMES[:count]]
    next_beat = {node.name: draw.uniform(0, 2) for node in nodes}
    sends: list[float] = []
    now_s = 0.0
    while now_s < 30:
        now_s += draw.choice([0.001, 0.01, 0.05])
        for node in nodes:
            if now_s >= next_beat[node.name]:
                held = beat(node.name, limit, rows, draw.random() < 0.7, 0)
                alone = len(rows) == 1
                node.part.wrote(held, now_s, 0.0 if alone else settle_s(limit))
                next_beat[node.name] = now_s + draw.choice([0.2, 1.0, 1.0, 3.0])
            mine, _ = node.part.at(now_s)
            if mine <= 0:
                continue
            if node.pacer.rate_cps != mine:
                node.pacer.set_rate(mine)
            if node.pacer.next_at(now_s) <= now_s:
                node.pacer.sent(now_s)
                sends.append(now_s)
    window_s = max(1.0, 1 / rate_cps)
    for at_s in sends:
        assert sum(1 for other in sends if at_s <= other < at_s + window_s) <= units(rate_cps)
