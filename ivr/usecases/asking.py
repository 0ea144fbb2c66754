"""Asking the Gate: the facts of one call at one moment, from the books and the settings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from ivr.rules.gate import Facts, Verdict, decide
from ivr.rules.numbers import zones
from ivr.rules.records import Dialable
from ivr.rules.windows import Hours
from ivr.settings import Settings, Trunk


def is_lab(trunk: Trunk) -> bool:
    """True when nothing but this machine can be reached through the trunk."""
    return trunk.host.partition(":")[0] in {"127.0.0.1", "localhost"}


def questions(settings: Settings, now: datetime) -> Callable[[Dialable], Verdict]:
    """The Gate as of `now` (aware), to be asked of one dialable after another.

    Good for one batch: the sound files of the notices are looked for once each.
    """

    @cache
    def is_there(sound: str) -> bool:
        return (settings.sounds_dir / f"{sound}.alaw").is_file()

    def ask(dialable: Dialable) -> Verdict:
        campaign = dialable.campaign
        trunk = settings.trunks.get(dialable.trunk)
        return decide(
            Facts(
                now=now,
                campaign=campaign.state,
                notice_present=is_there(campaign.notice.sound),
                suppressed=dialable.suppressed,
                hours=_hours(campaign.hours),
                zones=zones(dialable.number) or (ZoneInfo(campaign.timezone),),
                already_reached=dialable.reached,
                halted=dialable.halted,
                caller_id=trunk.caller_id if trunk else None,
                lab=trunk is not None and is_lab(trunk),
            )
        )

    return ask


@lru_cache(maxsize=256)
def _hours(text: str) -> Hours:
    return Hours.parse(text)
