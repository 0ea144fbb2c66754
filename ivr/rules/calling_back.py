"""The call-back line: what its keys mean, and which campaigns speak on the number that was called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum

from ivr.rules.numbers import NumberRefused, parse
from ivr.rules.records import Campaign
from ivr.rules.states import CampaignState

KEPT_MS = 60 * 86_400_000
"""So long after a campaign is over its number still says who called."""
LANGUAGES = ("fr", "en")
MOST_CAMPAIGNS = 5
"""Nobody listens to more of them: the latest."""
_WRITTEN = re.compile(r"\+[1-9][0-9]{6,14}")


class Choice(StrEnum):
    """What a caller asks for with a key."""

    LANGUAGE = "0"
    MESSAGE = "1"
    SOURCE = "2"
    REQUEST = "3"
    ANOTHER = "4"
    STOP = "9"


class Prompt(StrEnum):
    """What the line itself says, by the name of its text; the rest is the campaign's own."""

    HELLO = "hello"
    MENU = "menu"
    ANOTHER = "another"
    NOBODY = "nobody"
    NUMBER = "number"
    UNKNOWN = "unknown"
    RECORD = "record"
    RECORDED = "recorded"
    STOPPED = "stopped"
    NEVER = "never"
    BYE = "bye"
    ALONE = "alone"


def name_of(prompt: Prompt, language: str) -> str:
    """Under which name its rendering is played."""
    return f"callback-{prompt}-{language}"


def e164(written: str, country: str) -> str | None:
    """The number as the books write it, whatever a carrier made of it; None for what is none.

    country: of national numbers. Numbers that no plan has, as the lab's, are taken in E.164 alone.
    """
    if _WRITTEN.fullmatch(written):
        return written
    for text in (written, f"+{written}"):
        try:
            return parse(text, country).e164
        except NumberRefused:
            continue
    return None


def campaigns_of(line: str, campaigns: Iterable[Campaign], callers: Mapping[str, str], now_ms: int) -> list[Campaign]:
    """Those that call, or called in the last 60 days, from that number: the latest first.

    callers: the number shown by each trunk. Which of them called the caller is not told: a caller ID can be forged,
    and who is on a party's list is nobody else's business.
    """
    found = [
        campaign
        for campaign in campaigns
        if campaign.started_at_ms is not None
        and (campaign.state is not CampaignState.DRAFT)
        and (campaign.finished_at_ms is None or campaign.finished_at_ms > now_ms - KEPT_MS)
        and any(callers.get(trunk) == line for trunk in campaign.trunks)
    ]
    return sorted(found, key=lambda one: -(one.started_at_ms or 0))[:MOST_CAMPAIGNS]
