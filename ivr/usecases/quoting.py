"""Quotes: what a campaign would cost, by the function that will make its invoice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from ivr.adapters import price_lists
from ivr.rules.billing import Terms
from ivr.rules.capacity import Workload
from ivr.rules.invoice import Bill, bill, half_up
from ivr.rules.price_list import PriceList

SHARE = 1_000_000
"""Shares of people are counted in millionths, so that a quote is made of whole numbers too."""


@dataclass(frozen=True, slots=True)
class Quote:
    """expected: by the shares that were supposed. most: if everybody answers at every try and hears all of it."""

    prices: PriceList
    expected: Bill
    most: Bill


def quote(supposed: Workload, recordings: int, caller_ids: int) -> Quote:
    """By the price list of today."""
    prices = price_lists.in_force(datetime.now(UTC).date())
    full_s = round(supposed.full_s * 1000)
    terms = Terms(prices.name, prices.increment_s, prices.minimum_s, 1 << 31, recordings, caller_ids)
    whole, early = (terms.billed_s(ms) for ms in (full_s, round(supposed.preroll_s * 1000)))
    attempts = round(supposed.attempts)
    answered = _of(attempts, supposed.answer_rate)
    heard = _of(answered, supposed.listen_rate)
    billed_s = heard * whole + (answered - heard) * early
    expected, most = (bill(prices, terms.work(seconds)) for seconds in (billed_s, attempts * whole))
    return Quote(prices, expected, most)


def _of(count: int, share: float) -> int:
    return half_up(count * round(share * SHARE), SHARE)
