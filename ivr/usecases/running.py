"""Running the whole installation: up, status, down."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable

from ivr.adapters import redis_server
from ivr.adapters.pbx import instance, programs, render
from ivr.adapters.pbx.secret import ami_secret
from ivr.adapters.ports import Ports
from ivr.adapters.queues import MEDIA, ORIGINATE, RECORD
from ivr.adapters.store import Store
from ivr.adapters.supervisor import Process, Supervisor
from ivr.errors import NotReady, Refused
from ivr.settings import Settings
from ivr.usecases import migrating, taking_over
from ivr.usecases.folders import own_folder
from ivr.usecases.health import channels, status, supervisor
from ivr.usecases.prompts import build_builtin

LAB_HOST = "127.0.0.1:0"
"""A trunk with this host is the simulated carrier, wherever it listens."""

READY_TIMEOUT_S = 60.0

Progress = Callable[[str], None]


def up(settings: Settings, progress: Progress, foreground: bool = False) -> None:
    """Every part runs and has shown that it works. In the foreground it returns only at the end.

    Raises Refused when it is up already, PortInUse naming the setting, NotReady naming the part that does not come up.
    """
    own_folder(settings.run_dir)
    own_folder(settings.state_dir)
    boss = supervisor(settings)
    if boss.is_up():
        raise Refused("Portevoix is up already here; `ivr status` shows its state")
    if boss.holder():  # started with another TMPDIR, or with its socket lost: two on one var would undo each other
        raise Refused(f"process {boss.holder()} runs Portevoix on {settings.var_dir} already; end it first")
    kept = taking_over.take_over(boss, settings, progress)
    prepare(settings, progress)
    resolved = (taking_over.resolved_before(settings) if kept else None) or resolve(settings)
    progress("starting Redis, Asterisk, controller, AGI server and workers")
    render.render(resolved, ami_secret(resolved))
    boss.start([taking_over.kept_as(process, kept) for process in _processes(resolved)], foreground)
    try:
        _wait_ready(resolved, progress)
    except BaseException:  # an interrupt too: nothing is left half started
        down_if_up(settings)
        raise


def prepare(settings: Settings, progress: Progress) -> None:
    """Programs are there, the tables are of this version, the built-in sounds are rendered."""
    for name in programs.missing(settings.cache_dir):
        programs.find(name, settings.cache_dir)  # raises with what to do
    settings.var_dir.mkdir(parents=True, exist_ok=True)
    progress("database and built-in sounds")
    store = Store(settings)
    migrating.bring_up_to_date(store.database, settings)
    store.close()
    build_builtin(settings)


def resolve(settings: Settings) -> Settings:
    """The settings with every port chosen and free, written for the processes to read.

    Raises PortInUse naming the setting whose port another program has.
    """
    ports = Ports()
    pbx = settings.pbx.model_copy(
        update={
            "sip_port": ports.udp("pbx.sip_port", settings.pbx.bind, settings.pbx.sip_port),
            "tls_port": _tls_port(ports, settings),
            "ami_port": ports.tcp("pbx.ami_port", settings.pbx.ami_port),
            "agi_port": ports.tcp("pbx.agi_port", settings.pbx.agi_port),
        }
    )
    metrics = settings.metrics
    if metrics.enabled:
        metrics = metrics.model_copy(update={"port": ports.tcp("metrics.port", metrics.port, metrics.bind)})
    lab, trunks = settings.lab, settings.trunks
    if lab.enabled:
        lab_sip = ports.udp("lab.sip_port", "127.0.0.1", lab.sip_port)
        lab_media = ports.udp("lab.media_port", "127.0.0.1", lab.media_port)
        lab = lab.model_copy(update={"sip_port": lab_sip, "media_port": lab_media})
        moved = {
            name: t.model_copy(update={"host": f"127.0.0.1:{lab_sip}"})
            for name, t in trunks.items()
            if t.host == LAB_HOST
        }
        trunks = trunks | moved
    ports.release()
    resolved = settings.model_copy(
        update={"pbx": pbx, "lab": lab, "trunks": trunks, "metrics": metrics, "home": settings.home.resolve()}
    )
    path = settings.resolved_file
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(resolved.model_dump_json())
    return resolved


def _tls_port(ports: Ports, settings: Settings) -> int:
    """Looked for only where a trunk needs it: else nothing listens there."""
    if all(trunk.transport != "tls" for trunk in settings.trunks.values()):
        return settings.pbx.tls_port
    return ports.tcp("pbx.tls_port", settings.pbx.tls_port, settings.pbx.bind)


def down(settings: Settings, progress: Progress, now: bool = False, patience_s: float = 180.0) -> None:
    """Nothing runs any more. Unless `now`, people on the line hear the message to its end first."""
    boss = supervisor(settings)
    orphaned = bool(boss.orphans())
    if not orphaned:
        boss.states()  # raises NotReady if nothing is up
    if not now:
        _end_controller(boss, orphaned)
        deadline = time.monotonic() + patience_s
        while (on_line := channels(settings)) and time.monotonic() < deadline:
            progress(f"{on_line} people on the line hear the message to its end (`ivr down --now` ends their calls)")
            time.sleep(1.0)
    taking_over.end_left(boss) if orphaned else boss.stop()


def down_if_up(settings: Settings) -> None:
    """Nothing of these settings runs any more; nothing happens if nothing did."""
    boss = supervisor(settings)
    if boss.is_up():
        with contextlib.suppress(NotReady):
            boss.stop()
    taking_over.end_left(boss)


def _end_controller(boss: Supervisor, orphaned: bool) -> None:
    if orphaned:
        taking_over.end_left(boss, "controller")
    else:
        boss.stop_process("controller")


def _wait_ready(settings: Settings, progress: Progress) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while True:
        waiting = [part for part in status(settings) if not part.works]
        if not waiting:
            progress("everything is up")
            return
        if time.monotonic() > deadline:
            first = waiting[0]
            log = settings.log_dir / f"{first.state.name}.log"
            raise NotReady(f"{first.state.name} does not come up ({first.says or first.state.detail}); see {log}")
        time.sleep(0.1)


def _processes(settings: Settings) -> list[Process]:
    env = {"IVR_CONFIG": str(settings.resolved_file), "PYTHONUNBUFFERED": "1"}
    asterisk, asterisk_env = instance.command(settings)
    ours = [(f"{ORIGINATE}-{n}", 60, ["worker", ORIGINATE]) for n in range(settings.workers_originate)]
    ours += [(f"{RECORD}-{n}", 60, ["worker", RECORD]) for n in range(settings.workers_record)]
    ours += [(f"{MEDIA}-{n}", 60, ["media"]) for n in range(settings.workers_media)]
    ours += [("agi", 40, ["agi"]), ("controller", 50, ["controller"])]
    if settings.metrics.enabled:
        ours.append(("metrics", 70, ["metrics"]))
    if settings.lab.enabled:
        ours.append(("carrier", 30, ["carrier"]))
    processes = [Process("asterisk", asterisk, 20, asterisk_env)]
    processes += [Process(n, [sys.executable, "-m", "ivr.doors.process", *args], p, env) for n, p, args in ours]
    if not settings.redis.url:
        command, env = redis_server.command(settings)
        processes.append(Process("redis", command, 10, env))
    return processes
