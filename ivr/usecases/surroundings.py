"""What Portevoix stands on: programs, disk, clock, ports. Looked at, nothing is changed."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ivr.adapters.pbx import programs
from ivr.adapters.ports import Ports
from ivr.adapters.sound import confine
from ivr.errors import PortInUse, ProgramMissing
from ivr.rules.findings import Finding, note, ok, wrong
from ivr.settings import Settings

LEAST_FREE_BYTES = 500_000_000
SCRIPTLESS = frozenset({"ffmpeg", "ffprobe"})
"""Programs whose version makes no difference to us."""
PORTS_PER_CALL = 2
FILES_PER_CALL = 5


def versions() -> Finding:
    """What Portevoix and Python call themselves."""
    try:
        ours = version("portevoix")
    except PackageNotFoundError:
        return wrong("versions", "the package portevoix is not installed in this Python", "`make setup` installs it")
    return ok("versions", f"Portevoix {ours}, Python {platform.python_version()}, {platform.machine()}")


def found_programs(settings: Settings) -> Iterator[Finding]:
    """Where each program is, and its version."""
    for name in programs.NAMES:
        try:
            program = programs.find(name, settings.cache_dir)
        except ProgramMissing as error:
            yield wrong(name, str(error), "`ivr setup` obtains it")
            continue
        told = "" if name in SCRIPTLESS else f" {programs.major(program)}"
        yield ok(name, f"{name}{told}, {program.binary} ({program.origin})")


def walls() -> Finding:
    """What keeps the decoder of recordings to the recording, on this machine."""
    kind = confine.walls()
    if kind == "limits":
        says = "this kernel has no Landlock: recordings are read by a process that could read other files of ours"
        return note("decoder", says, "install bubblewrap, or use a Linux of 5.13 or later with Landlock enabled")
    return ok("decoder", f"recordings are read behind {kind}")


def disk(settings: Settings) -> Finding:
    """Whether the var folder's disk has room."""
    folder = settings.var_dir
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    says = f"{free / 1e9:.1f} GB free for {settings.var_dir}"
    if free >= LEAST_FREE_BYTES:
        return ok("disk", says)
    return wrong("disk", says, f"free some space: below {LEAST_FREE_BYTES / 1e9:g} GB results may soon not be written")


def time_zones() -> Finding:
    """Whether time zones are known, with their summer time: calling hours hang on them."""
    try:
        zone = ZoneInfo("Europe/Paris")
    except ZoneInfoNotFoundError:
        return wrong("time-zones", "this Python knows no time zones", "install the package tzdata: `make setup`")
    hours = [datetime(2026, month, 1, tzinfo=UTC).astimezone(zone).utcoffset() for month in (1, 7)]
    if hours != [timedelta(hours=1), timedelta(hours=2)]:
        return wrong("time-zones", "the time zone data of this machine are damaged", "install the package tzdata anew")
    return ok("time-zones", f"known; it is {datetime.now(zone):%Y-%m-%d %H:%M:%S} in Paris")


def room_for_calls(settings: Settings) -> Iterator[Finding]:
    """Whether ports and open files suffice for as many calls as the settings allow."""
    pbx = settings.pbx
    calls_by_ports = (pbx.rtp_last - pbx.rtp_first + 1) // PORTS_PER_CALL
    calls_by_files = pbx.max_files // FILES_PER_CALL
    for name, most in (("pbx.rtp_first … pbx.rtp_last", calls_by_ports), ("pbx.max_files", calls_by_files)):
        if most < pbx.channels:
            says = f"settings {name} suffice for {max(most, 0)} calls at once, pbx.channels allows {pbx.channels}"
            yield wrong("room-for-calls", says, f"widen {name}, or lower pbx.channels")
    if min(calls_by_ports, calls_by_files) >= pbx.channels:
        yield ok("room-for-calls", f"ports and files for {pbx.channels} calls at once")


def free_ports(settings: Settings) -> Iterator[Finding]:
    """Of an installation that is not up: whether `ivr up` would get the ports that are set."""
    pbx, ports = settings.pbx, Ports()
    asked: list[Callable[[], int]] = [
        lambda: ports.udp("pbx.sip_port", pbx.bind, pbx.sip_port),
        lambda: ports.tcp("pbx.ami_port", pbx.ami_port),
        lambda: ports.tcp("pbx.agi_port", pbx.agi_port),
    ]
    taken = []
    for ask in asked:
        try:
            ask()
        except PortInUse as error:
            taken.append(wrong("ports", str(error), "end the program that has it, or choose another port"))
        finally:
            ports.release()
    yield from taken or [ok("ports", "those of the settings are free")]


def settings_file(path: Path | None, settings: Settings) -> Finding:
    """Which file the settings are from, and whether its secrets are kept from others."""
    if path is None or not path.is_file():
        return note("settings", "no settings file: the defaults hold, and there is no trunk")
    if any(trunk.password for trunk in settings.trunks.values()) and path.stat().st_mode & 0o077:
        return wrong("settings", f"{path} holds a trunk's password and others may read it", f"chmod 600 {path}")
    return ok("settings", f"read from {path.resolve()}")
