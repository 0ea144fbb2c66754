"""Asking the Gate: the facts of one call at one moment, from the books and the settings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache

from ivr.rules.again import expires_at, hours_of, policy_of, zones_of
from ivr.rules.gate import Facts, Verdict, decide
from ivr.rules.records import Dialable
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
                expires=expires_at(campaign),
                hours=hours_of(campaign.hours),
                zones=zones_of(dialable.number, campaign),
                earlier=dialable.earlier,
                retry=policy_of(campaign.retry),
                halted=dialable.halted,
                caller_id=trunk.caller_id if trunk else None,
                lab=trunk is not None and is_lab(trunk),
            )
        )

    return ask
