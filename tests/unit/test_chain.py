"""A chain of hashes: one changed byte anywhere is found, and where."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.rules import chain
from ivr.rules.chain import GENESIS, Head, Link

BODIES = st.lists(st.dictionaries(st.text(), st.one_of(st.text(), st.integers(), st.booleans())), min_size=1)


def made(count: int) -> list[Link]:
    return chain.extend(Head(), [{"n": n, "said": f"élan {n}"} for n in range(count)])


@given(BODIES)
def test_what_was_written_is_whole(bodies: list[dict[str, object]]) -> None:
    links = chain.extend(Head(), bodies)
    head, broken = chain.walk(links)
    assert broken is None
    assert head == Head(len(bodies), links[-1].hash)


@given(BODIES, st.data())
def test_one_changed_byte_is_found_at_its_place(bodies: list[dict[str, object]], data: st.DataObject) -> None:
    links = chain.extend(Head(), bodies)
    at = data.draw(st.integers(0, len(links) - 1))
    name = data.draw(st.sampled_from(["body", "prev_hash", "hash"]))
    old = bytearray(getattr(links[at], name), "utf-8")
    byte = data.draw(st.integers(0, len(old) - 1))
    old[byte] ^= data.draw(st.integers(1, 255))
    links[at] = _changed(links[at], name, old.decode("utf-8", "replace"))
    head, broken = chain.walk(links)
    assert broken is not None
    assert broken.seq == at + 1
    assert head.seq == at


def _changed(link: Link, name: str, text: str) -> Link:
    change: dict[str, Any] = {name: text}
    return replace(link, **change)


@pytest.mark.parametrize("lost", range(5))
def test_an_entry_taken_out_is_found_but_for_the_last(lost: int) -> None:
    links = made(5)
    del links[lost]
    head, broken = chain.walk(links)
    assert (broken is None) == (lost == 4)
    assert chain.walk(links, Head(5, made(5)[-1].hash))[1] is not None
    assert head.seq == lost


def test_two_entries_that_changed_places_are_found() -> None:
    links = made(3)
    links[1], links[2] = replace(links[2], seq=2), replace(links[1], seq=3)
    assert chain.walk(links)[1] is not None


def test_a_chain_written_anew_is_found_by_who_knew_its_end() -> None:
    known = Head(2, made(3)[1].hash)
    forged = chain.extend(Head(), [{"n": 0}, {"n": 1}, {"n": 2}])
    assert chain.walk(forged)[1] is None
    assert str(chain.walk(forged, known)[1]) == "entry 2: it is not the entry that was known at this place"
    assert chain.walk(made(3), known)[1] is None


def test_what_json_does_not_know_is_never_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        chain.extend(Head(), [{"n": float("nan")}])
    assert chain.walk([]) == (Head(0, GENESIS), None)
    assert chain.read("[]") is None
    assert chain.read("{") is None
