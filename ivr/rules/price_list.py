"""The public price list: what everybody pays, as data that is checked when it is read. No price is zero.

Amounts are whole numbers: prices in hundred-thousandths of the currency, sums in its hundredths. A line is rounded
half up once, when its quantity is multiplied with its price; VAT is rounded half up once, on the sum of the lines.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from ivr.rules.pack import Says, Strict

PRICE_UNITS = 100_000
"""A price is a whole number of these parts of the currency; a sum is one of its hundredths."""
CENT = PRICE_UNITS // 100
MINUTE_S = 60
MOST_MINUTES = 1_000_000_000


def _units(written: object) -> int:
    """The price that the text writes; a number could have been rounded before it was read."""
    if not isinstance(written, str):
        raise ValueError('a price is written as text, such as "0.0590"')
    try:
        units = Decimal(written) * PRICE_UNITS
        exact = units == units.to_integral_value()
    except InvalidOperation:
        raise ValueError(f"{written!r} is no price") from None
    if not exact:
        raise ValueError(f"{written!r} is finer than a hundred-thousandth")
    return int(units)


def _basis_points(written: object) -> int:
    return _units(written) // (PRICE_UNITS // 100)


Price = Annotated[int, BeforeValidator(_units), Field(gt=0, le=1000 * PRICE_UNITS)]
Percent = Annotated[int, BeforeValidator(_basis_points), Field(ge=0, le=10_000)]


class Tier(Strict):
    """From so many minutes of a campaign on, a minute costs that. Open to every buyer."""

    from_minutes: int = Field(ge=0, lt=MOST_MINUTES)
    per_minute: Price


class PriceList(Strict):
    """Prices before VAT from a day on. increment_s, minimum_s: how an answered call is billed, as by the carrier."""

    scheme: Literal["portevoix-prices/1"]
    version: date
    effective_from: date
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    vat_percent: Percent
    increment_s: int = Field(ge=1, le=60)
    minimum_s: int = Field(ge=1, le=60)
    voice: tuple[Tier, ...] = Field(min_length=1)
    production: Price
    caller_id: Price
    list_rental: Price
    says: Says

    @model_validator(mode="after")
    def _tiers_rise_and_get_cheaper(self) -> Self:
        """Or a longer call could cost less than a shorter one, and a small buyer more than a great one by mistake."""
        starts = [tier.from_minutes for tier in self.voice]
        prices = [tier.per_minute for tier in self.voice]
        if starts[0] != 0 or starts != sorted(set(starts)):
            raise ValueError("tiers begin at 0 minutes, each later than the one before")
        if prices != sorted(prices, reverse=True):
            raise ValueError("a later tier is not dearer than the one before")
        return self

    @property
    def name(self) -> str:
        """What a campaign and its invoice call it by."""
        return self.version.isoformat()
