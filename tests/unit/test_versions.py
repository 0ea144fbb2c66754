"""Who hears which version of a message: drawn once for all, in the shares that were asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.errors import BadSetting, IvrError, Refused
from ivr.rules.versions import PLACES, borders, parsed, place, version_at

SHARES = st.lists(st.floats(0.01, 100), min_size=1, max_size=9)


def test_a_place_never_changes_from_one_release_to_the_next() -> None:
    assert [place(1, 1), place(1, 2), place(2, 1)] == [0xD6B5915C, 0x673AEEB0, 0x70A37D8F]


@given(SHARES, st.integers(0, PLACES - 1))
def test_every_place_has_one_version(shares: list[float], where: int) -> None:
    ends = borders(shares)
    assert ends == sorted(ends)
    assert 0 <= version_at(where, ends) < len(shares)


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.9, 0.1), (1, 1, 1), (5, 3, 2)])
def test_the_shares_are_kept(shares: tuple[float, ...]) -> None:
    people, ends = 40_000, borders(shares)
    counts = [0] * len(shares)
    for contact in range(people):
        counts[version_at(place(7, contact), ends)] += 1
    for count, share in zip(counts, shares, strict=True):
        assert count / people == pytest.approx(share / sum(shares), abs=0.01)  # four standard deviations


def test_two_campaigns_divide_the_same_people_otherwise() -> None:
    ends = borders((1, 1))
    same = sum(version_at(place(1, contact), ends) == version_at(place(2, contact), ends) for contact in range(10_000))
    assert same == pytest.approx(5_000, abs=200)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (("spring",), [("spring", 1.0)]),
        (("a", "b"), [("a", 0.5), ("b", 0.5)]),
        (("a=0.5", "b=0.5"), [("a", 0.5), ("b", 0.5)]),
        (("a=3", "b=1"), [("a", 0.75), ("b", 0.25)]),
        (("a=0.2", "b=0.2"), [("a", 0.5), ("b", 0.5)]),
        (("two=2=1", "b=1"), [("two=2", 0.5), ("b", 0.5)]),
        (("e=mc", "b"), [("e=mc", 0.5), ("b", 0.5)]),
    ],
)
def test_shares_are_read_as_they_are_written(written: tuple[str, ...], read: list[tuple[str, float]]) -> None:
    assert parsed(written) == read


@pytest.mark.parametrize(
    ("written", "kind", "why"),
    [
        (("a=0", "b=1"), BadSetting, "above 0"),
        (("a=-1", "b=1"), BadSetting, "above 0"),
        (("a=nan", "b=1"), BadSetting, "above 0"),
        (("a=inf", "b=1"), BadSetting, "above 0"),
        (("a=0.5", "b"), Refused, "some have none"),
        (("a=0.5", "a=0.5"), Refused, "named twice"),
        (tuple(f"m{n}" for n in range(10)), Refused, "9 at most"),
    ],
)
def test_what_cannot_be_divided_is_refused(written: tuple[str, ...], kind: type[IvrError], why: str) -> None:
    with pytest.raises(kind, match=why):
        parsed(written)
