"""Whether a grant of a person lets one sponsor reach them, as a rule of a pack demands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from ivr.rules.pack import Permission
from ivr.rules.windows import Hours

VOICE = "automated_voice"


@dataclass(frozen=True, slots=True)
class Grant:
    """A permission to reach a person. controller: the sponsor it was given to. given_at, ends_at: aware.

    strong: it can be proved whole. explicit: given in so many words and apart from anything else. direct: the sponsor
    itself had it from the person. hours: those the person named, in `zone` or, when they named none, where they are.
    age_attested: the person said in it that they are old enough.
    """

    controller: int
    purpose: str
    channel: str
    basis: str
    given_at: datetime
    ends_at: datetime | None = None
    strong: bool = False
    explicit: bool = False
    direct: bool = False
    hours: Hours | None = None
    zone: tzinfo | None = None
    age_attested: bool = False

    def holds(self, controller: int, now: datetime) -> bool:
        """Whether it is this sponsor's, for such calls, and in force."""
        mine = self.controller == controller and self.channel == VOICE
        return mine and self.given_at <= now and (self.ends_at is None or now < self.ends_at)


Demand = Callable[[Grant, datetime], bool]


def demand_of(rule: Permission) -> Demand:
    """What the rule demands of a grant at a moment, but for the hours."""
    age = timedelta(days=rule.ttl_days)

    def meets(grant: Grant, now: datetime) -> bool:
        return (
            (not rule.purposes or grant.purpose in rule.purposes)
            and (not rule.bases or grant.basis in rule.bases)
            and (grant.strong or not rule.strong)
            and (grant.explicit or not rule.explicit)
            and (grant.direct or not rule.direct)
            and (grant.hours is not None or not rule.window)
            and (not rule.ttl_days or now < grant.given_at + age)
        )

    return meets


def opens_at(grants: Sequence[Grant], now: datetime, zones: Sequence[tzinfo]) -> datetime | None:
    """The first moment from now on at which one of the grants lets a call through; None: none does."""
    opens = [at for grant in grants if (at := _opens(grant, now, zones)) is not None]
    return min(opens, default=None)


def _opens(grant: Grant, now: datetime, zones: Sequence[tzinfo]) -> datetime | None:
    if grant.hours is None:
        return now.astimezone(UTC)
    return grant.hours.next_open_everywhere(now, (grant.zone,) if grant.zone else tuple(zones))
