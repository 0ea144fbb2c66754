"""`ivr doctor`: everything is looked at, nothing is changed; what cannot be looked at is said so."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ivr.adapters.queues import DEAD, Queues
from ivr.adapters.store import Store, condition
from ivr.adapters.store.engine import is_there
from ivr.errors import IvrError
from ivr.rules.findings import Finding, note, ok, wrong
from ivr.rules.records import Campaign
from ivr.rules.states import CampaignState
from ivr.settings import Settings, load
from ivr.usecases import clocks, health, outside, purging, surroundings, troubles, witnesses
from ivr.usecases.campaigns import now_ms, trunk_of
from ivr.usecases.messages import verify
from ivr.usecases.originating import is_attempt_id, made_at_ms

SET_BACK_MS = 5_000
CLOCKS_APART_MS = 2_000
CALLING = {CampaignState.RUNNING, CampaignState.PAUSED}


def examine(settings: Settings, file: Path | None, span_ms: int) -> list[Finding]:
    """Every finding, in the order of what stands on what. file: the settings file. span_ms: how far back calls go."""
    boss = health.supervisor(settings)
    up = boss.is_up()
    if up and settings.resolved_file.is_file():
        settings = load(settings.resolved_file)
    checks: list[tuple[str, Callable[[], Iterable[Finding]]]] = [
        ("settings", lambda: [surroundings.settings_file(file, settings)]),
        ("versions", lambda: [surroundings.versions()]),
        ("programs", lambda: surroundings.found_programs(settings)),
        ("decoder", lambda: [surroundings.walls()]),
        ("disk", lambda: [surroundings.disk(settings)]),
        ("time-zones", lambda: [surroundings.time_zones()]),
        ("room-for-calls", lambda: surroundings.room_for_calls(settings)),
        ("ways", lambda: outside.ways(settings)),
        ("certificate", lambda: outside.certificate(settings)),
        ("capture", lambda: outside.capture(settings)),
        ("open-files", lambda: [outside.open_files(settings)]),
        ("parts", lambda: _parts(settings) if up else _not_up(settings, boss.holder())),
        ("redis", lambda: _redis(settings, up)),
        ("database", lambda: _database(settings, up, span_ms)),
    ]
    return [finding for name, check in checks for finding in _told(name, check)]


def _told(name: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """What the check finds; one that cannot be made is a finding itself, and ends no other."""
    try:
        yield from check()
    except IvrError as error:
        yield wrong(name, str(error))
    except OSError as error:
        yield wrong(
            name, f"{error.filename or 'the system'}: {error.strerror or error}", "check who may read and write"
        )


def _parts(settings: Settings) -> Iterator[Finding]:
    broken = [part for part in health.status(settings) if not part.works]
    for part in broken:
        name = part.state.name
        says = f"{name} does not work: {part.says or part.state.detail or part.state.state}"
        yield wrong("parts", says, f"{settings.log_dir / f'{name}.log'} says why; it is started again by itself")
    if not broken:
        yield ok("parts", "each shows that it works")


def _not_up(settings: Settings, holder: int) -> Iterator[Finding]:
    if holder:
        says = f"process {holder} runs Portevoix on {settings.var_dir} and does not answer here"
        yield wrong("parts", says, "it was started with another TMPDIR or lost its socket: end it, then `ivr up`")
        return
    yield note("parts", "nothing is up here: what only Asterisk or Redis know cannot be said", "`ivr up` starts it")
    yield from surroundings.free_ports(settings)


def _redis(settings: Settings, up: bool) -> Iterator[Finding]:
    if not up and not settings.redis.url:
        return
    with contextlib.closing(Queues(settings.redis_url)) as queues:
        policy, append_only, well = queues.durability()
        buried, waiting = queues.buried(), queues.waiting_results()
    faults = [
        (
            policy != "noeviction",
            f"Redis may forget what waits (policy {policy})",
            "set maxmemory-policy to noeviction",
        ),
        (not append_only, "Redis keeps no append-only file: what waits dies with it", "set appendonly to yes"),
        (not well, "Redis could not write its append-only file", "free some disk space where Redis keeps it"),
        (buried, f"{buried} results could not be recorded", f"read stream {DEAD}: each entry holds the reason"),
    ]
    found = [wrong("redis", says, do) for is_so, says, do in faults if is_so]
    yield from found or [ok("redis", f"keeps what it holds; {waiting} results wait to be recorded")]


def _database(settings: Settings, up: bool, span_ms: int) -> Iterator[Finding]:
    if not is_there(settings.database_url):
        yield note("database", "there is none yet", "`ivr setup` makes it")
        return
    key = settings.suppression_key_file
    if not key.is_file():
        says = f"{key} is missing: without it nobody who asked to stop is recognised in this database"
        yield wrong("database", says, "put it back from the backup; only a new installation may make a new one")
        return
    with contextlib.closing(Store(settings)) as store:
        if not store.database.is_current():
            yield wrong(
                "database", "its tables are not those of this version", "`ivr db migrate` brings them up to date"
            )
            return
        yield from _server(store)
        store.database.check_writable()
        yield ok("database", f"is of this version and can be written: {condition.shown_url(store.database)}")
        yield from _told("books", lambda: _books(store, up))
        yield from _told("trunks", lambda: troubles.examine(store, settings, up))
        yield from _told("requests", lambda: clocks.examine(store))
        yield from _told("listens-kept", lambda: purging.examine(store, settings))
        yield from _told("witnesses", lambda: witnesses.compare(store, settings, span_ms))
        for campaign in store.campaigns.all():
            if campaign.state in CALLING:
                yield from _campaign(settings, campaign)


def _server(store: Store) -> Iterator[Finding]:
    server = condition.server(store.database)
    if not server.supported:
        says = f"{server.name} {server.version} is too old"
        yield wrong("database", says, f"bring it to version {condition.OLDEST_POSTGRESQL} or later")
    if abs(server.clock_ahead_ms or 0) > CLOCKS_APART_MS:
        says = f"the clock of the database's machine is {(server.clock_ahead_ms or 0) / 1000:+.1f} s from this one's"
        yield wrong("clock", says, "run a time service (NTP) on both: instants in reports and calling hours differ")


def _books(store: Store, up: bool) -> Iterator[Finding]:
    halt = store.halts.in_force()
    if halt:
        since = datetime.fromtimestamp(halt.since_ms / 1000).astimezone()
        says = f"nothing is called since {since:%Y-%m-%d %H:%M:%S}: {halt.by} halted it ({halt.reason or 'no reason'})"
        yield note("halt", says, "`ivr unhalt` ends it")
    ahead_ms = _newest_ms(store) - now_ms()
    if ahead_ms > SET_BACK_MS:
        says = f"the clock was set back: the newest attempt is of {ahead_ms / 1000:.0f} s from now"
        yield wrong("clock", says, "set the clock right; until then ages and calling hours are wrong")
    every = store.campaigns.all()
    unbalanced = [one.name for one in every if not store.campaigns.books(one.id).balance]
    if unbalanced:
        says = f"the books do not balance: {', '.join(unbalanced)}"
        yield wrong("books", says, "pause them, keep a copy of the database and report it: this must not happen")
    else:
        yield ok("books", f"balance in all {len(every)} campaigns")
    running = [one.name for one in every if one.state is CampaignState.RUNNING]
    if running and not up:
        yield wrong(
            "campaigns", f"nothing is up, and these are to call: {', '.join(running)}", "`ivr up`, or pause them"
        )


def _newest_ms(store: Store) -> int:
    newest = store.audit.newest() or ""
    return made_at_ms(newest) if is_attempt_id(newest) else 0


def _campaign(settings: Settings, campaign: Campaign) -> list[Finding]:
    """Whether a campaign that runs, or is paused, has all that its calls need."""
    found = []
    heard = (campaign.preroll, campaign.message, campaign.notice, campaign.confirmation)
    sounds = dict.fromkeys((*heard, *(version.sound for version in campaign.versions)))
    checks: list[Callable[[], object]] = [partial(verify, sound.sound, settings) for sound in sounds]
    checks += [partial(trunk_of, settings, trunk) for trunk in campaign.trunks]
    for check in checks:
        try:
            check()
        except IvrError as error:
            found.append(wrong("campaigns", f"{campaign.name}: {error}", "until it is mended nobody is called by it"))
    try:
        ZoneInfo(campaign.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        found.append(wrong("campaigns", f"{campaign.name}: time zone {campaign.timezone} is not known here"))
    return found or [
        ok("campaigns", f"{campaign.name} is {campaign.state.value}: sounds, trunk and time zone are good")
    ]
