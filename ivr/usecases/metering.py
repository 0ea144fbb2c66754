"""What Prometheus is told: read from the books, the controllers' beats and Redis at each scrape; a call costs nothing.

Every family is there at every scrape, empty where its source is silent, so that an alert sees what is gone. Labels are
names that an engineer chose (PBX, trunk, queue, campaigns under way): no number, no attempt, no person.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Literal

from ivr.adapters.metrics import Family
from ivr.adapters.pbx import tls
from ivr.adapters.queues import Queues
from ivr.adapters.store import Store
from ivr.rules.breaker import State
from ivr.rules.states import CampaignState
from ivr.settings import Settings
from ivr.usecases import limits, troubles

log = logging.getLogger(__name__)

MOST_CAMPAIGNS = 50
"""Campaigns under way that are told by name, the newest first."""

Values = list[tuple[tuple[str, ...], float]]


Kind = Literal["gauge", "counter"]
_GAUGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "database_up": ("1 while the database answers", ()),
    "redis_up": ("1 while Redis answers", ()),
    "halted": ("1 while `ivr halt` lets no call out", ()),
    "campaigns": ("campaigns in each state", ("state",)),
    "trunk_rate_limit_cps": ("calls started in any rolling second, at most, as it holds now", ("trunk",)),
    "trunk_channels_limit": ("calls at once, at most, as it holds now", ("trunk",)),
    "trunk_live_calls": ("calls that have a channel of the trunk", ("trunk",)),
    "trunk_worst_second_calls": ("most calls started in any rolling second so far", ("trunk", "pbx")),
    "trunk_parked": ("1 while the controller leaves the trunk out because it fails", ("trunk", "pbx")),
    "pbx_link_up": ("1 while the controller is linked to Asterisk's manager", ("pbx",)),
    "pbx_beat_age_seconds": ("seconds since the controller last wrote down that it lives", ("pbx",)),
    "pbx_live_calls": ("calls under way", ("pbx",)),
    "pbx_channels_limit": ("calls at once, at most", ("pbx",)),
    "orders_waiting": ("orders that wait for their turn in the controller", ("pbx",)),
    "results_waiting": ("results that wait to be recorded", ()),
    "results_buried": ("results that could not be recorded", ()),
    "workers": ("workers alive on each queue", ("queue",)),
    "disk_free_bytes": ("bytes free where the var folder is", ()),
    "disk_size_bytes": ("bytes in all where the var folder is", ()),
    "certificate_expires_seconds": ("when our TLS certificate expires, Unix seconds", ()),
}
_COUNTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "campaign_calls": ("calls that are over, of campaigns under way", ("campaign",)),
    "campaign_answered": ("answered calls, of campaigns under way", ("campaign",)),
    "campaign_stops": ("people who pressed 9, of campaigns under way", ("campaign",)),
    "originates": ("calls started since the controller began", ("pbx",)),
    "ami_events_dropped": ("events of Asterisk's manager that could not be followed", ("pbx",)),
}
FAMILIES: dict[str, tuple[Kind, str, tuple[str, ...]]] = {
    **{f"portevoix_{name}": ("gauge", *rest) for name, rest in _GAUGES.items()},
    **{f"portevoix_{name}": ("counter", *rest) for name, rest in _COUNTERS.items()},
}
"""Kind, what it says and labels of each metric."""


def families(store: Store, queues: Queues, settings: Settings) -> list[Family]:
    """Everything, as of now. Raises nothing: what cannot be asked is 0 in its `_up`, and empty in the rest."""
    found: dict[str, Values] = {}
    _try(found, "portevoix_database_up", lambda: _of_books(store, settings))
    _try(found, "portevoix_redis_up", lambda: _of_redis(queues, _pbxs_of(found)))
    found |= dict(_of_machine(settings))
    return [Family(name, kind, says, labels, found.get(name, [])) for name, (kind, says, labels) in FAMILIES.items()]


def _try(found: dict[str, Values], up: str, ask: Callable[[], Iterator[tuple[str, Values]]]) -> None:
    """What that source says; in `up` whether it answered."""
    try:
        found |= dict(ask())
    except Exception as error:  # the other sources are to be told whatever this one does
        log.warning("a source of metrics is silent", extra={"action": "metrics_silent", "up": up, "why": str(error)})
        found[up] = [((), 0.0)]
    else:
        found[up] = [((), 1.0)]


def _of_books(store: Store, settings: Settings) -> Iterator[tuple[str, Values]]:
    yield "portevoix_halted", [((), float(store.halts.in_force() is not None))]
    campaigns = store.campaigns.all()
    states = Counter(campaign.state for campaign in campaigns)
    yield "portevoix_campaigns", [((state.value,), float(states[state])) for state in CampaignState]
    under_way = [one for one in campaigns if one.state in {CampaignState.RUNNING, CampaignState.PAUSED}]
    sums = [(one.name, store.tallies.whole(one.id)) for one in under_way[-MOST_CAMPAIGNS:]]
    for name, column in (("calls", "calls"), ("answered", "answered"), ("stops", "stopped")):
        told: Values = [((campaign,), float(sum(one[column] for one in by.values()))) for campaign, by in sums]
        yield f"portevoix_campaign_{name}", told
    yield from _of_limits(store, settings)


def _of_limits(store: Store, settings: Settings) -> Iterator[tuple[str, Values]]:
    trunks = limits.trunks(store, settings)
    yield "portevoix_trunk_rate_limit_cps", [((one.name,), one.rate_cps) for one in trunks]
    yield "portevoix_trunk_channels_limit", [((one.name,), float(one.channels)) for one in trunks]
    yield "portevoix_trunk_live_calls", [((one.name,), float(sum(p.live for p in one.parts))) for one in trunks]
    parts = [(one.name, part) for one in trunks for part in one.parts]
    yield "portevoix_trunk_worst_second_calls", [((name, p.pbx), float(p.worst_second)) for name, p in parts]
    beats = [one.beat for one in limits.pbxs(store, settings) if one.beat and not troubles.has_ended(one.beat)]
    now_s = time.time()
    yield "portevoix_pbx_beat_age_seconds", [((b.name,), max(0.0, now_s - b.beat_at_ms / 1000)) for b in beats]
    yield "portevoix_pbx_channels_limit", [((beat.name,), float(beat.channels)) for beat in beats]


def _pbxs_of(found: dict[str, Values]) -> list[str]:
    """The PBXs that run, as the books said; none while those are silent."""
    return [labels[0] for labels, _ in found.get("portevoix_pbx_beat_age_seconds", [])]


def _of_redis(queues: Queues, names: list[str]) -> Iterator[tuple[str, Values]]:
    yield "portevoix_results_waiting", [((), float(queues.waiting_results()))]
    yield "portevoix_results_buried", [((), float(queues.buried()))]
    yield "portevoix_workers", [((queue,), float(count)) for queue, count in sorted(queues.workers().items())]
    live = {name: queues.live(name) for name in names}
    yield "portevoix_pbx_link_up", [((name,), float(bool(told and told["link"]))) for name, told in live.items()]
    spoken = {name: told for name, told in live.items() if told}
    for metric, figure in (
        ("portevoix_pbx_live_calls", "live"),
        ("portevoix_originates", "originated"),
        ("portevoix_orders_waiting", "waiting"),
        ("portevoix_ami_events_dropped", "events_dropped"),
    ):
        yield metric, [((name,), float(told[figure])) for name, told in spoken.items()]
    breakers = [(pbx, trunk, one["state"]) for pbx, told in spoken.items() for trunk, one in told["breakers"].items()]
    yield "portevoix_trunk_parked", [((trunk, pbx), float(state == State.PARKED)) for pbx, trunk, state in breakers]


def _of_machine(settings: Settings) -> Iterator[tuple[str, Values]]:
    with contextlib.suppress(OSError):
        usage = shutil.disk_usage(settings.var_dir)
        yield "portevoix_disk_free_bytes", [((), float(usage.free))]
        yield "portevoix_disk_size_bytes", [((), float(usage.total))]
    if settings.pbx.tls_certificate:
        expires_s = tls.expires_s(settings.file(settings.pbx.tls_certificate))
        yield "portevoix_certificate_expires_seconds", [((), expires_s)] if expires_s is not None else []
