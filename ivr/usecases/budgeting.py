"""What a campaign agrees to pay when it is made, and the budget that it never exceeds."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from ivr.adapters import price_lists
from ivr.errors import BadSetting, Refused
from ivr.rules.billing import Terms, cost_cents
from ivr.settings import Settings

NONE = "none"
SPARE_S = 10
"""A call is over so much later than the sounds that it plays."""
MOST = Decimal(10) ** 12


def terms_of(settings: Settings, trunks: Iterable[str], messages_ms: Iterable[int], around_ms: int) -> Terms:
    """By today's price list. messages_ms: of each version; around_ms: pre-roll, notice and confirmation together."""
    prices = price_lists.in_force(datetime.now(UTC).date())
    lengths_ms = list(messages_ms)
    spoken_s = (max(lengths_ms) * (1 + settings.calls.max_repeats) + around_ms) / 1000
    shown = {settings.trunks[name].caller_id for name in trunks} - {""}
    return Terms(
        prices=prices.name,
        increment_s=prices.increment_s,
        minimum_s=prices.minimum_s,
        longest_s=math.ceil(spoken_s + settings.calls.grace_s) + SPARE_S,
        recordings=len(lengths_ms),
        caller_ids=len(shown),
    )


def budget_cents(text: str, terms: Terms | None) -> int | None:
    """The budget that the text writes, None for `none`; Refused when it does not bear one call."""
    if text.strip().lower() == NONE:
        return None
    if terms is None:
        raise Refused("this campaign was made before there were prices: it can have no budget")
    try:
        amount = Decimal(text.strip().replace(",", "."))
        cents = amount * 100
        if not (0 < amount < MOST and cents == cents.to_integral_value()):
            raise InvalidOperation
    except InvalidOperation:
        raise BadSetting(f"budget {text!r} cannot be read: write an amount with VAT, as in 1500 or 1500.50") from None
    prices = price_lists.named(terms.prices)
    least = cost_cents(prices, terms, 0, 1)
    if cents < least:
        raise Refused(
            f"a budget of {amount} {prices.currency} bears no call: {least / 100:.2f} is the least, with what is paid "
            "once and one call of the longest kind, VAT included (`ivr price list`)"
        )
    return int(cents)
