"""What a piece of work costs. The one function that quotes, invoices and keeps a budget.

It never falls when more seconds are billed: so a budget that holds the worst case holds whatever comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ivr.rules.price_list import CENT, MINUTE_S, PriceList

BASIS_POINTS = 10_000


@dataclass(frozen=True, slots=True)
class Work:
    """What was, or is to be, done. billed_s: of all answered calls, each rounded up by itself.

    recordings: messages or versions of one. caller_ids: numbers shown. rented: contacts that we rented out.
    """

    billed_s: int
    recordings: int = 1
    caller_ids: int = 0
    rented: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One line. kind: "voice", "production", "caller_id" or "list_rental". tier: of voice, from 1; else 0.

    quantity: seconds, or pieces. price: of a minute or a piece, in parts of rules/price_list.py. net_cents: rounded.
    """

    kind: str
    tier: int
    quantity: int
    price: int
    net_cents: int


@dataclass(frozen=True, slots=True)
class Bill:
    """The lines and their sum, in hundredths of the currency. vat_bp: hundredths of a percent."""

    lines: tuple[Line, ...]
    currency: str
    vat_bp: int

    @property
    def net_cents(self) -> int:
        """Before VAT."""
        return sum(line.net_cents for line in self.lines)

    @property
    def vat_cents(self) -> int:
        """The VAT on the sum of the lines."""
        return half_up(self.net_cents * self.vat_bp, BASIS_POINTS)

    @property
    def gross_cents(self) -> int:
        """What is to be paid."""
        return self.net_cents + self.vat_cents


def bill(prices: PriceList, work: Work) -> Bill:
    """What the work costs by that list. A line for each tier that is reached, the first one always."""
    pieces = {"production": work.recordings, "caller_id": work.caller_ids, "list_rental": work.rented}
    rest = (
        Line(kind, 0, count, getattr(prices, kind), half_up(count * getattr(prices, kind), CENT))
        for kind, count in pieces.items()
    )
    return Bill((*_voice(prices, work.billed_s), *rest), prices.currency, prices.vat_percent)


def half_up(numerator: int, denominator: int) -> int:
    """The quotient, rounded to the nearest whole number; a half is rounded up. Neither is negative."""
    return (2 * numerator + denominator) // (2 * denominator)


def _voice(prices: PriceList, billed_s: int) -> Iterator[Line]:
    starts_s = [tier.from_minutes * MINUTE_S for tier in prices.voice]
    for number, (tier, from_s) in enumerate(zip(prices.voice, starts_s, strict=True), 1):
        if number > 1 and billed_s <= from_s:
            return
        until_s = starts_s[number] if number < len(starts_s) else billed_s
        seconds = min(billed_s, until_s) - from_s
        yield Line("voice", number, seconds, tier.per_minute, half_up(seconds * tier.per_minute, MINUTE_S * CENT))
