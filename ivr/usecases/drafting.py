"""Drafting: what a campaign is made of, and what of it may be changed while it runs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ivr.adapters.rule_packs import pack_on
from ivr.adapters.store import Store
from ivr.adapters.store.audiences import Selection
from ivr.adapters.store.campaigns import Changes
from ivr.errors import BadSetting, Refused
from ivr.rules.again import instant_ms
from ivr.rules.pack import BASE, MessageClass
from ivr.rules.records import Campaign, Message, Review, SourceBatch
from ivr.rules.retry_policy import RetryPolicy
from ivr.rules.sharing import EQUAL, Share
from ivr.rules.versions import parsed
from ivr.rules.windows import Hours
from ivr.settings import Settings
from ivr.usecases import budgeting, uploading
from ivr.usecases.audience import batch_named, selected
from ivr.usecases.campaigns import now_ms, trunk_of
from ivr.usecases.prompts import DISCLOSED, Texts, campaign_prompts
from ivr.usecases.who import login_name

LONGEST_NAME = 200
USUAL_HOURS = "10:00-13:00,14:00-20:00 mon-fri"
USUAL_ZONE = "Europe/Paris"
AS_ITS_TRUNKS_CPS = 1000.0
"""The rate of a campaign that has none of its own: as much as the settings allow any trunk."""
HIGHEST_PRIORITY = 100
NEVER = "never"


@dataclass(frozen=True, slots=True)
class Rules:
    """Whose rules hold. pack: a rule pack or `base`; message_class, election, territory: as rules/pack.py has them."""

    pack: str = BASE
    message_class: str = ""
    election: str = ""
    territory: str = ""


NO_PACK = Rules()


@dataclass(frozen=True, slots=True)
class Draft:
    """What a campaign is made of.

    messages: names, or several with their shares of the audience, as rules/versions.py reads them.
    trunks: names, the preferred one first. rate_cps: calls started per second, None: as its trunks allow. retry: a
    policy on one line, None: the setting's. expires: date and time in `timezone`, None: never. budget: an amount with
    VAT, None: as much as is needed. audience: as rules/audience.py reads it, "": the whole batch.
    """

    name: str
    messages: tuple[str, ...]
    contacts: str
    trunks: tuple[str, ...]
    texts: Texts
    language: str
    rate_cps: float | None = None
    hours: str = USUAL_HOURS
    timezone: str = USUAL_ZONE
    retry: str | None = None
    expires: str | None = None
    weight: float = EQUAL.weight
    priority: int = EQUAL.priority
    rules: Rules = NO_PACK
    budget: str | None = None
    audience: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What to change of a campaign; None: leave it. expires: date and time in its time zone, or `never`.

    budget: an amount with VAT, or `none`.
    """

    rate_cps: float | None = None
    weight: float | None = None
    priority: int | None = None
    expires: str | None = None
    budget: str | None = None


def create(store: Store, settings: Settings, draft: Draft, by: str = "") -> Campaign:
    """A campaign in state draft, its pre-roll, notice and confirmation spoken and rendered.

    It has one target per contact of its audience. by: who drafts it; "" is the login name.
    """
    _check_name("campaign", draft.name)
    _check_name("sponsor", draft.texts.sponsor)
    limits = _limits(settings, draft)
    versions = _versions(store, draft)
    message = versions[0][0]
    batch = batch_named(store, draft.contacts)
    selection = _selection(store, batch, draft.audience)
    prompts = campaign_prompts(draft.texts, draft.language, settings, message.origin)
    spoken: dict[str, Any] = {}
    for part in ("preroll", "notice", "confirmation"):
        prompt = getattr(prompts, part)
        spoken |= {part: prompt.sound, f"{part}_ms": prompt.length_ms}
    values = {
        "name": draft.name,
        "message_id": message.id,
        "batch_id": batch.id,
        "language": draft.language,
        "texts": asdict(draft.texts)
        | {part: getattr(prompts, part).text for part in ("preroll", "notice", "confirmation")},
        "created_at_ms": now_ms(),
    }
    shares = [(one.id, share) for one, share in versions] if len(versions) > 1 else []
    values |= limits | spoken | _rules(draft.rules) | _money(settings, draft, versions, spoken)
    return store.campaigns.create(values, draft.texts.sponsor, shares, by or login_name(), selection)


def change(store: Store, name: str, wanted: Change) -> Campaign:
    """The campaign has those values from now on, also while it runs; refused when it is over."""
    campaign = store.campaigns.named(name)
    changes: Changes = {}
    if wanted.rate_cps is not None:
        changes["rate_cps"] = _rate_cps(wanted.rate_cps)
    if wanted.weight is not None:
        changes["weight"] = Share(wanted.weight).weight
    if wanted.priority is not None:
        changes["priority"] = _priority(wanted.priority)
    if wanted.expires is not None:
        changes["expires_at_ms"] = _expires_at_ms(wanted.expires, campaign.timezone)
    if wanted.budget is not None:
        changes["budget_cents"] = budgeting.budget_cents(wanted.budget, campaign.terms)
    if not changes:
        raise Refused("nothing to change: give --rate, --weight, --priority, --expires or --budget")
    return store.campaigns.change(campaign.id, Review(login_name(), now_ms()), **changes)


def _selection(store: Store, batch: SourceBatch, line: str) -> Selection:
    """Whom the line means; Refused when that is nobody of a batch that holds somebody."""
    selection = selected(batch, line)
    if line and not store.audiences.count(selection):
        raise Refused(
            f"nobody of {batch.name!r} is in the audience {line!r}: `ivr contacts count {batch.name}` counts others"
        )
    return selection


def _versions(store: Store, draft: Draft) -> list[tuple[Message, float]]:
    """The messages and their shares: each may be used, and one pre-roll says of all of them whose voice comes."""
    found = [(store.messages.named(name), share) for name, share in parsed(draft.messages)]
    if not found:
        raise Refused("a campaign needs a message: give --message with the name of one (`ivr message list`)")
    for message, _ in found:
        uploading.usable(message, draft.texts.sponsor)
    if len({DISCLOSED.get(message.origin) for message, _ in found}) > 1:
        told = ", ".join(f"{message.name!r} {message.origin}" for message, _ in found)
        raise Refused(
            f"one pre-roll is played before every version, and must say whether a machine made the voice ({told}): "
            "make a campaign of each"
        )
    return found


def _limits(settings: Settings, draft: Draft) -> dict[str, Any]:
    """By which trunks, how fast, when, until when, and how often again."""
    if not draft.trunks:
        raise Refused("a campaign needs a trunk: give --trunk with the name of one in the settings")
    if len(set(draft.trunks)) < len(draft.trunks):
        raise Refused("a trunk is named twice: give each --trunk once, the preferred one first")
    for trunk in draft.trunks:
        trunk_of(settings, trunk)
    _check_hours(draft)
    return {
        "trunks": list(draft.trunks),
        "rate_cps": AS_ITS_TRUNKS_CPS if draft.rate_cps is None else _rate_cps(draft.rate_cps),
        "hours": draft.hours,
        "timezone": draft.timezone,
        "retry": _retry(settings.calls.retry, "setting calls.retry: ") if draft.retry is None else _retry(draft.retry),
        "expires_at_ms": None if draft.expires is None else _expires_at_ms(draft.expires, draft.timezone),
        "weight": Share(draft.weight).weight,
        "priority": _priority(draft.priority),
    }


def _money(
    settings: Settings, draft: Draft, versions: Sequence[tuple[Message, float]], spoken: Mapping[str, Any]
) -> dict[str, Any]:
    """What is agreed, and the budget."""
    around_ms = sum(spoken[f"{part}_ms"] for part in ("preroll", "notice", "confirmation"))
    terms = budgeting.terms_of(settings, draft.trunks, [one.length_ms for one, _ in versions], around_ms)
    budget = None if draft.budget is None else budgeting.budget_cents(draft.budget, terms)
    return {"terms": terms.plain(), "budget_cents": budget}


def _rules(rules: Rules) -> dict[str, Any]:
    """As they are kept; of a pack the class of the message must be known, and the election one of its calendar."""
    if rules.pack == BASE:
        if rules != NO_PACK:
            raise Refused("class, election and territory belong to a rule pack: give --rules too")
        return asdict(rules)
    pack = pack_on(rules.pack, datetime.now(UTC).date())
    if rules.message_class not in set(MessageClass):
        raise Refused(f"say what the message is: --class {', '.join(MessageClass)}")
    known = [election.id for election in pack.elections]
    if rules.election and rules.election not in known:
        raise Refused(
            f"election {rules.election!r} is not in the calendar of {pack.name}: {', '.join(known) or 'empty'}"
        )
    return asdict(rules)


def _rate_cps(rate_cps: float) -> float:
    if not (math.isfinite(rate_cps) and rate_cps > 0):
        raise Refused(f"rate {rate_cps:g} cannot be used: give the calls started per second, more than 0")
    return min(rate_cps, AS_ITS_TRUNKS_CPS)


def _priority(priority: int) -> int:
    if abs(priority) > HIGHEST_PRIORITY:
        raise Refused(f"priority {priority} cannot be used: give a whole number from -100 to 100; 0 is the usual one")
    return priority


def _retry(line: str, whose: str = "") -> str:
    """The policy as it is kept: whole, so that a later version's defaults do not change it; "" calls nobody again."""
    try:
        policy = RetryPolicy.parse(line)
    except BadSetting as error:
        raise BadSetting(f"{whose}{error}") from None
    return policy.text() if policy.again else ""


def _expires_at_ms(text: str, timezone: str) -> int | None:
    """The instant that the text writes in that zone, or None for `never`; Refused when it is past."""
    if text.strip().lower() == NEVER:
        return None
    try:
        written = datetime.fromisoformat(text.strip())
    except ValueError:
        raise BadSetting(
            f"expiry {text!r} cannot be read: write date and time in the campaign's zone, as in 2026-12-01T20:00"
        ) from None
    at = written if written.tzinfo else written.replace(tzinfo=ZoneInfo(timezone))
    if at <= datetime.now(UTC):
        raise Refused(f"expiry {text} ({timezone}) is past: give a later one; `ivr campaign stop` ends a campaign now")
    return instant_ms(at)


def _check_name(what: str, name: str) -> None:
    if not name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
        raise Refused(f"a {what}'s name is 1 to {LONGEST_NAME} printable characters, not {name[:40]!r}")


def _check_hours(draft: Draft) -> None:
    try:
        ZoneInfo(draft.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        raise BadSetting(f"time zone {draft.timezone!r} is not known; an example is Europe/Paris") from None
    Hours.parse(draft.hours)
