"""How a call is billed, and how many more calls a budget bears."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from ivr.rules.invoice import Work, bill
from ivr.rules.price_list import PriceList


@dataclass(frozen=True, slots=True)
class Terms:
    """What a campaign agreed on when it was made, kept with it: a later price list changes nothing of it.

    prices: the list's name. longest_s: no call is billed for more, so that is what one is held to cost before it is
    known. recordings, caller_ids: as in rules/invoice.py.
    """

    prices: str
    increment_s: int
    minimum_s: int
    longest_s: int
    recordings: int
    caller_ids: int

    @classmethod
    def kept(cls, row: Mapping[str, Any]) -> Self | None:
        """As they were kept; None of a campaign that was made before there were prices."""
        return cls(**row) if row else None

    def plain(self) -> dict[str, Any]:
        """As they are kept."""
        return asdict(self)

    def billed_s(self, talk_ms: int) -> int:
        """Seconds billed of an answered call of that length: whole steps, no less than the least."""
        steps = -(-max(talk_ms, 0) // (1000 * self.increment_s))
        return min(max(steps * self.increment_s, self.minimum_s), self.longest_s)

    def work(self, billed_s: int) -> Work:
        """The campaign's work when so many seconds are billed."""
        return Work(billed_s, self.recordings, self.caller_ids)


@dataclass(frozen=True, slots=True)
class Spending:
    """What a campaign has spent, and holds for calls that are claimed or on the line, of its budget; with VAT.

    budget_cents: None, as much as is needed. held_cents: if each of those calls were as long as one can be.
    """

    currency: str
    budget_cents: int | None
    spent_cents: int
    held_cents: int

    @property
    def left_cents(self) -> int | None:
        """What is neither spent nor held."""
        return None if self.budget_cents is None else self.budget_cents - self.spent_cents - self.held_cents


def cost_cents(prices: PriceList, terms: Terms, billed_s: int, calls: int = 0) -> int:
    """What is to be paid, with VAT, for those seconds and so many further calls of the longest kind."""
    return bill(prices, terms.work(billed_s + calls * terms.longest_s)).gross_cents


def spending(prices: PriceList, terms: Terms, budget_cents: int | None, billed_s: int, calls: int) -> Spending:
    """calls: those that are claimed or on the line."""
    spent = cost_cents(prices, terms, billed_s)
    return Spending(prices.currency, budget_cents, spent, cost_cents(prices, terms, billed_s, calls) - spent)


def affordable(prices: PriceList, terms: Terms, budget_cents: int, billed_s: int, calls: int, wanted: int) -> int:
    """How many of the wanted calls may begin beside those: whatever they all become, the budget is not exceeded."""
    least, most = 0, wanted
    while least < most:
        middle = (least + most + 1) // 2
        if cost_cents(prices, terms, billed_s, calls + middle) <= budget_cents:
            least = middle
        else:
            most = middle - 1
    return least
