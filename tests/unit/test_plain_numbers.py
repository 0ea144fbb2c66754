"""The fast path and libphonenumber say the same of every number: generated ones, damaged ones, and the plan's borders.

`python -m tests.unit.test_plain_numbers 1000000` compares a million.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ivr.rules.numbers import NumberRefused, Reason, parse
from ivr.rules.plain_numbers import PlainNumbers

COUNTRIES = ("FR", "US", "GB", "SN", "CA", "RE", "BE")
READERS = {country: PlainNumbers(country) for country in COUNTRIES}


def slow(raw: str, country: str) -> tuple[str, str]:
    try:
        number = parse(raw, country)
    except NumberRefused as refused:
        return "", refused.reason
    return number.e164, number.line_type


def fast(raw: str, country: str) -> tuple[str, str]:
    try:
        digits, line_type = READERS[country].read(raw)
    except NumberRefused as refused:
        return "", refused.reason
    return f"+{digits}", line_type


def generated(count: int, seed: int = 1) -> Iterator[str]:
    """Numbers as lists hold them: mostly plain national ones, of every first digits, some written otherwise."""
    draw = random.Random(seed)
    for _ in range(count):
        national = (
            f"{draw.randrange(10**9):09d}"
            if draw.random() < 0.3
            else f"{draw.randrange(10, 80) * 10**7 + draw.randrange(10**7):09d}"
        )
        if draw.random() < 0.1:  # the islands
            national = draw.choice(("692", "693", "690", "691", "694", "696", "590", "262", "709")) + national[3:]
        yield draw.choice(("0", "0", "0", "0", "+33", "0033", "33", "", "+262", "+590")) + national


def shaped(raw: str, draw: random.Random) -> str:
    shape = draw.randrange(8)
    if shape == 0:
        return " ".join([raw[:2], *(raw[at : at + 2] for at in range(2, len(raw), 2))])
    if shape == 1:
        return ".".join(raw[at : at + 2] for at in range(0, len(raw), 2))
    if shape == 2:
        return raw[:-1] + "." + raw[-1]
    return raw


def disagreements(count: int, seed: int = 1) -> list[str]:
    draw = random.Random(seed)
    numbers = (shaped(raw, draw) for raw in generated(count, seed))
    return [raw for raw in numbers if fast(raw, "FR") != slow(raw, "FR")]


def test_both_agree_on_generated_numbers() -> None:
    assert disagreements(20_000) == []


@given(st.text("0123456789+ .-/()'=\u00a0,eE٣", max_size=20), st.sampled_from(COUNTRIES))
@example("061234567.0", "FR")
@example("0612345678.0", "FR")
@example("06.12.34.56.78", "FR")
@example("6,12345678E+08", "FR")
@example("+33 (0)6 12 34 56 78", "FR")
@example("06 12 34 56 78 07 12 34 56 78", "FR")
@example("0692 12 34 56", "FR")
@example("+33692123456", "FR")
@example("٠٦١٢٣٤٥٦٧٨", "FR")
@example("²612345678", "FR")
@example(" " * 65 + "0612345678", "FR")
@example("2025550123", "US")
@example("+1 202 555 0123", "CA")
def test_both_agree_on_anything(raw: str, country: str) -> None:
    assert fast(raw, country) == slow(raw, country)


def test_every_beginning_of_the_french_plan() -> None:
    """Each first four digits after the 0, with what follows drawn: also where exceptions are thickest."""
    draw = random.Random(7)
    for first in range(1000, 10_000):
        raw = f"0{first}{draw.randrange(10**5):05d}"
        assert fast(raw, "FR") == slow(raw, "FR"), raw


@pytest.mark.parametrize(("raw", "reason"), [("0899123456", Reason.SPECIAL), ("0012345678", Reason.NOT_A_NUMBER)])
def test_what_is_refused_says_why(raw: str, reason: Reason) -> None:
    for _ in range(2):
        assert fast(raw, "FR") == slow(raw, "FR")
    assert fast("0899123456", "FR") == ("", Reason.SPECIAL)
    assert reason in set(Reason)


def test_refusals_leave_nothing_behind() -> None:
    """An exception that is raised again keeps its old trace, and every frame of it: millions are refused in a file."""
    numbers = PlainNumbers("FR")
    traces = []
    for _ in range(3):
        with pytest.raises(NumberRefused) as refused:
            numbers.read("0700123456")
        traces.append(len(refused.traceback))
    assert traces[1] == traces[2]


if __name__ == "__main__":
    found = disagreements(int(sys.argv[1]), seed=random.randrange(10**6))
    print(f"{len(found)} disagreements of {sys.argv[1]}", found[:10])
    sys.exit(bool(found))
