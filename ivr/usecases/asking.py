"""Asking the Gate: the facts of one call at one moment, from the books and the settings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
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
    """The Gate as of `now` (aware), to be asked of one dialable after another."""

    def ask(dialable: Dialable) -> Verdict:
        campaign = dialable.campaign
        trunk = settings.trunks.get(campaign.trunk)
        return decide(
            Facts(
                now=now,
                campaign=campaign.state,
                notice_present=(settings.sounds_dir / f"{campaign.notice.sound}.alaw").is_file(),
                suppressed=dialable.suppressed,
                hours=Hours.parse(campaign.hours),
                zones=zones(dialable.number) or (ZoneInfo(campaign.timezone),),
                already_reached=dialable.reached,
                halted=dialable.halted,
                caller_id=trunk.caller_id if trunk else None,
                lab=trunk is not None and is_lab(trunk),
            )
        )

    return ask
