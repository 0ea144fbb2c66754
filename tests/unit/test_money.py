"""Prices, bills and budgets: whole numbers, one rounding, and a budget that no call can break."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.adapters import price_lists
from ivr.errors import BadSetting, NotFound
from ivr.rules.billing import Terms, affordable, cost_cents, spending
from ivr.rules.invoice import Work, bill, half_up
from ivr.rules.price_list import PRICE_UNITS, PriceList, Tier

PRICES = price_lists.named("2026-11-01")
TERMS = Terms(PRICES.name, 1, 1, 90, 1, 1)
SECONDS = st.integers(0, 60 * 2_000_000)


@pytest.mark.parametrize(
    ("billed_s", "voice", "net", "vat", "gross"),
    [
        (0, [0], 90_00, 18_00, 108_00),
        (60, [6], 90_06, 18_01, 108_07),  # 5.9 cents; VAT of 90.06 is 18.012
        (30, [3], 90_03, 18_01, 108_04),  # 2.95 cents; VAT of 90.03 is 18.006
        (50_000 * 60, [2950_00], 3040_00, 608_00, 3648_00),
        (50_000 * 60 + 60, [2950_00, 5], 3040_05, 608_01, 3648_06),  # the second tier's own price for its own minute
        (600_000 * 60, [2950_00, 22_050_00, 3900_00], 28_990_00, 5798_00, 34_788_00),
    ],
)
def test_what_is_to_be_paid(billed_s: int, voice: list[int], net: int, vat: int, gross: int) -> None:
    made = bill(PRICES, Work(billed_s))
    assert [line.net_cents for line in made.lines if line.kind == "voice"] == voice
    assert (made.net_cents, made.vat_cents, made.gross_cents) == (net, vat, gross)


@given(st.integers(0, 10**12), st.integers(1, 10**9))
def test_a_half_is_rounded_up(numerator: int, denominator: int) -> None:
    exact = Fraction(numerator, denominator)
    assert Fraction(-1, 2) < exact - half_up(numerator, denominator) <= Fraction(1, 2) or (
        half_up(numerator, denominator) - exact == Fraction(1, 2)
    )
    assert half_up(5, 10) == 1


@given(SECONDS, st.integers(0, 100_000))
def test_more_seconds_never_cost_less(billed_s: int, more_s: int) -> None:
    assert bill(PRICES, Work(billed_s + more_s)).gross_cents >= bill(PRICES, Work(billed_s)).gross_cents


@given(SECONDS)
def test_every_second_is_on_one_line(billed_s: int) -> None:
    lines = [line for line in bill(PRICES, Work(billed_s)).lines if line.kind == "voice"]
    assert sum(line.quantity for line in lines) == billed_s
    assert [line.tier for line in lines] == list(range(1, len(lines) + 1))


@given(st.integers(-5, 10**7), st.integers(1, 60), st.integers(1, 60), st.integers(60, 600))
def test_a_call_is_billed_in_steps_as_the_carrier_bills_it(talk_ms: int, step: int, least: int, longest: int) -> None:
    billed = Terms("x", step, least, longest, 1, 0).billed_s(talk_ms)
    assert least <= billed <= longest
    if least < billed < longest:
        assert billed % step == 0
        assert billed * 1000 >= talk_ms > (billed - step) * 1000


@given(st.integers(108_00, 2_000_000), st.integers(0, 200_000), st.integers(0, 500), st.integers(0, 1000))
def test_as_many_calls_as_the_budget_bears_and_not_one_more(
    budget: int, billed_s: int, calls: int, wanted: int
) -> None:
    may = affordable(PRICES, TERMS, budget, billed_s, calls, wanted)
    assert 0 <= may <= wanted
    if may:
        assert cost_cents(PRICES, TERMS, billed_s, calls + may) <= budget
    if may < wanted:
        assert cost_cents(PRICES, TERMS, billed_s, calls + may + 1) > budget


def test_spent_and_held_are_what_is_left_of_the_budget() -> None:
    now = spending(PRICES, TERMS, 500_00, 6000, 10)
    assert now.spent_cents == cost_cents(PRICES, TERMS, 6000)
    assert now.spent_cents + now.held_cents == cost_cents(PRICES, TERMS, 6000, 10)
    assert now.left_cents == 500_00 - now.spent_cents - now.held_cents
    assert spending(PRICES, TERMS, None, 0, 0).left_cents is None


def test_every_price_list_can_be_read_and_none_of_its_prices_is_zero() -> None:
    for name in price_lists.names():
        prices = price_lists.named(name)
        assert min(prices.production, prices.caller_id, prices.list_rental, *(t.per_minute for t in prices.voice)) > 0
        assert prices.name == name


def test_the_list_of_a_day() -> None:
    assert price_lists.in_force(date(2026, 11, 1)) is PRICES
    assert price_lists.in_force(date(2001, 1, 1)) is PRICES
    with pytest.raises(NotFound, match="ivr price list"):
        price_lists.named("../secrets")


BAD = [
    ('production: "90.00"', 'production: "0"', "production"),  # nothing is free, for nobody
    ('production: "90.00"', "production: 90.00", "written as text"),
    ('production: "90.00"', 'production: "0.000001"', "finer"),
    ('production: "90.00"', 'production: "-1"', "production"),
    ('production: "90.00"', 'production: "NaN"', "production"),
    ("from_minutes: 0,", "from_minutes: 1,", "begin at 0"),
    ('"0.0390"', '"0.0990"', "not dearer"),
    ("currency: EUR", "currency: EUR\ndiscount: 10", "discount"),  # no word for a discount of one buyer
    ("minimum_s: 1", "minimum_s: 1\n{", "cannot be read"),
]


@pytest.mark.parametrize(("good", "bad", "why"), BAD)
def test_a_list_that_cannot_be_used_says_why(tmp_path: Path, good: str, bad: str, why: str) -> None:
    text = (price_lists.FOLDER / "2026-11-01.yaml").read_text()
    assert good in text
    file = tmp_path / "2026-11-01.yaml"
    file.write_text(text.replace(good, bad))
    with pytest.raises(BadSetting, match=why):
        price_lists.read(file)


def test_tiers_are_for_everybody() -> None:
    assert set(Tier.model_fields) == {"from_minutes", "per_minute"}, "a tier that asks who buys"
    assert not [name for name in PriceList.model_fields if "buyer" in name or "discount" in name]
    assert PRICE_UNITS % 100 == 0
