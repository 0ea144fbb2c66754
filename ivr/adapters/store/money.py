"""What campaigns have spent, and how many more calls their budgets bear.

A call is held to cost the most that one can from its claim to its end, and then what is billed; both are read in one
statement, so that a call which ends meanwhile is in one of them. Claims of a campaign with a budget take turns.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import BindParameter, Connection, bindparam, func, select

from ivr.adapters import price_lists
from ivr.adapters.store import schema, sum_tables
from ivr.adapters.store.engine import Database
from ivr.rules import billing
from ivr.rules.billing import Spending, Terms
from ivr.rules.price_list import PriceList
from ivr.rules.records import Campaign
from ivr.rules.states import AttemptState
from ivr.rules.tally import WHOLE

ATTEMPTS = schema.attempts
CELLS = sum_tables.tally_cells


class Used(NamedTuple):
    """Of a campaign: seconds billed so far, and calls that are claimed or on the line."""

    billed_s: int
    calls: int


class Money:
    """What campaigns cost."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def spending(self, campaign: Campaign) -> Spending | None:
        """As of now; None of a campaign that was made before there were prices."""
        if campaign.terms is None:
            return None
        with self._database.read() as connection:
            return spent(connection, campaign, campaign.terms)

    def bears_a_call(self, campaign: Campaign) -> bool:
        """Whether its budget, if it has one, bears one call more."""
        with self._database.read() as connection:
            return affordable(connection, campaign, 1) == 1


def spent(connection: Connection, campaign: Campaign, terms: Terms) -> Spending:
    """What the campaign spends, in this transaction."""
    return billing.spending(prices_of(terms), terms, campaign.budget_cents, *used(connection, campaign.id))


def affordable(connection: Connection, campaign: Campaign, wanted: int) -> int:
    """How many of the wanted calls may be claimed: those whose worst case the budget bears beside all others."""
    terms, budget_cents = campaign.terms, campaign.budget_cents
    if terms is None or budget_cents is None:
        return wanted
    return billing.affordable(prices_of(terms), terms, budget_cents, *used(connection, campaign.id), wanted)


def claiming_alone(connection: Connection, campaign: Campaign) -> None:
    """No other claim of that campaign, if it has a budget, is between its look at the budget and its commit."""
    if campaign.budget_cents is not None:
        connection.execute(_ALONE, {"the_campaign": campaign.id})


def prices_of(terms: Terms) -> PriceList:
    """The price list that the campaign agreed on."""
    return price_lists.named(terms.prices)


def used(connection: Connection, campaign_id: int) -> Used:
    """What the campaign has used so far: of one moment."""
    billed_s, calls = connection.execute(_USED, {"the_campaign": campaign_id}).one()
    return Used(int(billed_s), int(calls))


_CAMPAIGN: BindParameter[int] = bindparam("the_campaign")
_ALONE = select(schema.campaigns.c.id).where(schema.campaigns.c.id == _CAMPAIGN).with_for_update(key_share=True)
_OPEN = tuple(state.value for state in (AttemptState.CLAIMED, AttemptState.DIALING, AttemptState.ANSWERED))
_BILLED = (
    select(func.coalesce(func.sum(CELLS.c.billed_s), 0))
    .where(CELLS.c.campaign_id == _CAMPAIGN, CELLS.c.dimension == WHOLE[0], CELLS.c.value == WHOLE[1])
    .scalar_subquery()
)
_CALLS = (
    select(func.count())
    .where(ATTEMPTS.c.campaign_id == _CAMPAIGN, ATTEMPTS.c.state.in_(_OPEN))
    .select_from(ATTEMPTS)
    .scalar_subquery()
)
_USED = select(_BILLED.label("billed_s"), _CALLS.label("calls"))
