"""An audience says who is meant by four words, and no other word selects anybody."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.errors import Refused
from ivr.rules.audience import EVERYBODY, LINE_TYPES, OLDEST, Ages, Audience, parse
from ivr.rules.numbers import LineType
from ivr.rules.territories import Kind

ALL_WORDS = "territory=departement:2A,commune:13055,postcode:75011,region:84 age=18-24,65+ line=mobile language=fr,en"


def test_a_line_and_back() -> None:
    audience = parse(ALL_WORDS)
    assert audience.text() == ALL_WORDS
    assert audience.territories[0] == (Kind.DEPARTEMENT, "2A")
    assert audience.ages == (Ages(18, 24), Ages(65, OLDEST))
    assert audience.ages[0].birth_years(2026) == (2002, 2008)
    assert audience.line_types == (LineType.MOBILE,)
    assert parse("") == EVERYBODY
    assert EVERYBODY.text() == ""


@pytest.mark.parametrize(
    "line",
    [
        "name=Ben", "birthplace=99352", "origin=x", "territory=", "territory=75", "territory=country:FR", "age=18",
        "age=30-20", "age=18-131", "age=-1+", "age=١٨+", "line=special", "language=french", "line=mobile line=fixed",
        "territory=commune:75056' OR 1=1", "WHERE", "territory=departement:75;DROP", "age=" + ",".join(["18+"] * 501),
        "territory=" + ",".join(f"postcode:{at}" for at in range(501)),
    ],
)  # fmt: skip
def test_nothing_else_selects(line: str) -> None:
    if line.startswith("age=18+,18+"):
        assert parse(line).ages == (Ages(18, OLDEST),)  # said five hundred times, meant once
        return
    with pytest.raises(Refused, match="FR-LST-4"):
        parse(line)


ages = st.tuples(st.integers(0, OLDEST), st.integers(0, OLDEST)).map(lambda pair: Ages(min(pair), max(pair)))
audiences = st.builds(
    Audience,
    st.lists(st.tuples(st.sampled_from(Kind), st.from_regex("[0-9A-Z]{1,5}", fullmatch=True)), unique=True).map(tuple),
    st.lists(ages, unique=True).map(tuple),
    st.lists(st.sampled_from(LINE_TYPES), unique=True).map(tuple),
    st.lists(st.from_regex("[a-z]{2,3}", fullmatch=True), unique=True).map(tuple),
)


@given(audiences)
def test_every_audience_comes_back_from_its_line(audience: Audience) -> None:
    assert parse(audience.text()) == audience


@given(st.text(max_size=60))
def test_any_line_is_read_or_refused(line: str) -> None:
    try:
        audience = parse(line)
    except Refused:
        return
    assert parse(audience.text()) == audience
