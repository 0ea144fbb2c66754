"""Two measures of one call become one listen, in any order, any number of times."""

from __future__ import annotations

from functools import reduce
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.rules.segments import EndedBy, KeyPress, Listen, Play, Segment, merge

AGI = Listen("a1", (Play(Segment.MESSAGE, "m", 900, 4000, 0),), (KeyPress("5", Segment.MESSAGE, 100, 100),), at_ms=1000)
DIALPLAN = Listen(
    "a1", (Play(Segment.NOTICE, "n", 2000, 2000, 0),), stop_at_ms=300, ended_by=EndedBy.US, measured_by="dialplan",
    error="the dialplan stepped in", at_ms=2000,
)  # fmt: skip
NOTHING = Listen("a1", (), measured_by="none", error="nobody measured", at_ms=9000)
BOTH = merge(AGI, DIALPLAN)


def test_both_parts_are_kept_on_one_clock() -> None:
    assert [(play.segment, play.heard_ms, play.began_ms) for play in BOTH.plays] == [
        (Segment.MESSAGE, 900, 0),
        (Segment.NOTICE, 2000, 1000),
    ]
    assert (BOTH.stop_at_ms, BOTH.ended_by, BOTH.measured_by) == (1300, EndedBy.US, "agi+dialplan")


@pytest.mark.parametrize("order", list(permutations([AGI, DIALPLAN, NOTHING])))
def test_the_order_does_not_matter(order: tuple[Listen, ...]) -> None:
    assert reduce(merge, order) == BOTH


@given(st.lists(st.sampled_from([AGI, DIALPLAN, NOTHING]), min_size=1))
def test_what_comes_again_changes_nothing(parts: list[Listen]) -> None:
    kinds = {part.measured_by for part in parts} - {"none"}
    wanted = {frozenset(): NOTHING, frozenset({"agi"}): AGI, frozenset({"dialplan"}): DIALPLAN}
    assert reduce(merge, parts) == wanted.get(frozenset(kinds), BOTH)


def test_nothing_never_replaces_something() -> None:
    assert merge(AGI, NOTHING) == AGI
    assert merge(NOTHING, AGI) == AGI
    assert merge(BOTH, NOTHING) == BOTH


def test_a_nine_that_the_script_took_is_not_taken_twice() -> None:
    nine = KeyPress("9", Segment.MESSAGE, 900, 900)
    stopped = Listen("a1", AGI.plays, (nine,), stop_at_ms=900, at_ms=1000)
    again = Listen("a1", (), (KeyPress("9", Segment.MESSAGE, 0, 0),), stop_at_ms=0, measured_by="dialplan", at_ms=2000)
    both = merge(stopped, again)
    assert (both.keys, both.stop_at_ms) == ((nine,), 900)


def test_a_repeat_adds_no_length() -> None:
    plays = tuple(Play(Segment.MESSAGE, "m", heard_ms, 4000, 0) for heard_ms in (4000, 1500))
    assert Listen("a1", plays).heard_ms(Segment.MESSAGE) == 4000
    assert Listen("a1", plays).heard_ms(Segment.NOTICE) == 0
