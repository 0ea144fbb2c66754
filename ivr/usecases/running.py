"""Running the whole installation: up, status, down."""

from __future__ import annotations

import os
import secrets
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ivr.adapters.pbx import instance, programs, render
from ivr.adapters.queues import ORIGINATE, RECORD, Queues
from ivr.adapters.store import Store
from ivr.adapters.supervisor import Process, State, Supervisor
from ivr.errors import IvrError, NotReady, PortInUse, Refused, SetUpFailed
from ivr.settings import Settings
from ivr.usecases.prompts import build_builtin

LAB_HOST = "127.0.0.1:0"
"""A trunk with this host is the simulated carrier, wherever it listens."""

READY_TIMEOUT_S = 60.0

Progress = Callable[[str], None]


def supervisor(settings: Settings) -> Supervisor:
    """The supervisor of these settings' var folder."""
    return Supervisor(settings.run_dir, settings.log_dir)


def up(settings: Settings, progress: Progress, foreground: bool = False) -> None:
    """Every part runs and has shown that it works. In the foreground it returns only at the end.

    Raises Refused when it is up already, PortInUse naming the setting, NotReady naming the part that does not come up.
    """
    _own_folder(settings.run_dir)
    if supervisor(settings).is_up():
        raise Refused("Portevoix is up already here; `ivr status` shows its state")
    prepare(settings, progress)
    resolved = resolve(settings)
    progress("starting Redis, Asterisk, controller, AGI server and workers")
    render.render(resolved, ami_secret(resolved))
    supervisor(settings).start(_processes(resolved), foreground)
    try:
        _wait_ready(resolved, progress)
    except IvrError:
        supervisor(settings).stop()
        raise


def prepare(settings: Settings, progress: Progress) -> None:
    """Programs are there, the tables are of this version, the built-in sounds are rendered."""
    for name in programs.missing(settings.cache_dir):
        programs.find(name, settings.cache_dir)  # raises with what to do
    settings.var_dir.mkdir(parents=True, exist_ok=True)
    progress("database and built-in sounds")
    store = Store(settings)
    store.migrate()
    store.close()
    build_builtin(settings)


def resolve(settings: Settings) -> Settings:
    """The settings with every port chosen and free, written for the processes to read.

    Raises PortInUse naming the setting whose port another program has.
    """
    ports = _Ports()
    pbx = settings.pbx.model_copy(
        update={
            "sip_port": ports.udp("pbx.sip_port", settings.pbx.bind, settings.pbx.sip_port),
            "ami_port": ports.tcp("pbx.ami_port", settings.pbx.ami_port),
            "agi_port": ports.tcp("pbx.agi_port", settings.pbx.agi_port),
        }
    )
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
    resolved = settings.model_copy(update={"pbx": pbx, "lab": lab, "trunks": trunks, "home": settings.home.resolve()})
    path = resolved_file(settings)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(resolved.model_dump_json())
    return resolved


def resolved_file(settings: Settings) -> Path:
    """Where the settings with chosen ports are while the installation runs."""
    return settings.run_dir / "resolved.json"


def ami_secret(settings: Settings) -> str:
    """The manager's secret, made at first use, readable by its owner alone."""
    path = settings.var_dir / "keys" / "ami.secret"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(24))
    return path.read_text().strip()


def down(settings: Settings, progress: Progress, now: bool = False, patience_s: float = 180.0) -> None:
    """Nothing runs any more. Unless `now`, people on the line hear the message to its end first."""
    boss = supervisor(settings)
    boss.states()  # raises NotReady if nothing is up
    if not now:
        boss.stop_process("controller")
        deadline = time.monotonic() + patience_s
        while (on_line := _channels(settings)) and time.monotonic() < deadline:
            progress(f"{on_line} people on the line hear the message to its end (`ivr down --now` ends their calls)")
            time.sleep(1.0)
    boss.stop()


def down_if_up(settings: Settings) -> None:
    """Nothing of these settings runs any more; nothing happens if nothing did."""
    boss = supervisor(settings)
    if boss.is_up():
        boss.stop()


def worst_second(settings: Settings) -> int | None:
    """The most Originates in any rolling second of any trunk since the controller began; None if it is silent."""
    queues = Queues(settings.redis_url)
    live = queues.live(settings.pbx.name)
    queues.close()
    return max(live["worst_second"].values(), default=0) if live else None


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the installation, and whether it shows that it works."""

    state: State
    works: bool
    says: str


def status(settings: Settings) -> list[Part]:
    """Each part with its process' state and its own answer. Raises NotReady when nothing is up."""
    probes = _probes(settings)
    parts = []
    for state in supervisor(settings).states():
        probe = next((probe for prefix, probe in probes.items() if state.name.startswith(prefix)), None)
        says, works = "", state.state == "running"
        if probe and works:
            try:
                says = probe()
            except (IvrError, OSError) as error:
                says, works = str(error), False
        parts.append(Part(state, works, says))
    return parts


def _probes(settings: Settings) -> dict[str, Callable[[], str]]:
    path = resolved_file(settings)
    if path.is_file():
        settings = Settings.model_validate_json(path.read_text(encoding="utf-8"))
    queues = Queues(settings.redis_url)
    return {
        "redis": lambda: _redis_says(queues),
        "asterisk": lambda: _asterisk_says(settings),
        "agi": lambda: _agi_says(settings),
        "controller": lambda: _controller_says(queues, settings.pbx.name),
        ORIGINATE: lambda: _worker_says(queues, ORIGINATE),
        RECORD: lambda: _worker_says(queues, RECORD),
    }


def _redis_says(queues: Queues) -> str:
    queues.ping()
    return "answers"


def _asterisk_says(settings: Settings) -> str:
    instance.wait_booted(settings, 3.0)
    return f"booted, {_channels(settings)} channels"


def _agi_says(settings: Settings) -> str:
    socket.create_connection(("127.0.0.1", settings.pbx.agi_port), 2).close()
    return "listens"


def _controller_says(queues: Queues, pbx: str) -> str:
    live = queues.live(pbx)
    if live is None:
        raise NotReady("silent")
    if not live["link"]:
        raise NotReady("no link to Asterisk's manager")
    worst = max(live["worst_second"].values(), default=0)
    return f"{live['live']} calls, {live['waiting']} orders wait, worst second {worst}"


def _worker_says(queues: Queues, queue: str) -> str:
    count = queues.workers().get(queue, 0)
    if not count:
        raise NotReady("no worker registered")
    return f"{count} on the queue"


def _channels(settings: Settings) -> int:
    try:
        words = instance.cli(settings, "core show channels count").split()
    except NotReady:
        return 0
    return int(words[0]) if words and words[0].isdigit() else 0


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
    env = {"IVR_CONFIG": str(resolved_file(settings)), "PYTHONUNBUFFERED": "1"}
    asterisk, asterisk_env = instance.command(settings)
    ours = [(f"{ORIGINATE}-{n}", 60, ["worker", ORIGINATE]) for n in range(settings.workers_originate)]
    ours += [(f"{RECORD}-{n}", 60, ["worker", RECORD]) for n in range(settings.workers_record)]
    ours += [("agi", 40, ["agi"]), ("controller", 50, ["controller"])]
    if settings.lab.enabled:
        ours.append(("carrier", 30, ["carrier"]))
    processes = [Process("asterisk", asterisk, 20, asterisk_env)]
    processes += [Process(n, [sys.executable, "-m", "ivr", "process", *args], p, env) for n, p, args in ours]
    if not settings.redis.url:
        processes.append(_redis(settings))
    return processes


def _redis(settings: Settings) -> Process:
    folder = settings.var_dir / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    program = programs.find("redis-server", settings.cache_dir)
    options = {
        "--port": "0",
        "--unixsocket": str(settings.run_dir / "redis.sock"),
        "--unixsocketperm": "700",
        "--dir": str(folder),
        "--appendonly": "yes",
        "--save": "",
        "--maxmemory-policy": "noeviction",
    }
    flat = [part for option in options.items() for part in option]
    return Process("redis", program.argv(*flat), 10, program.env())


class _Ports:
    """Chosen ports, held until all are chosen, so that no two are the same."""

    def __init__(self) -> None:
        self._held: list[socket.socket] = []

    def tcp(self, setting: str, port: int) -> int:
        return self._choose(socket.SOCK_STREAM, setting, "127.0.0.1", port)

    def udp(self, setting: str, host: str, port: int) -> int:
        return self._choose(socket.SOCK_DGRAM, setting, host, port)

    def _choose(self, kind: int, setting: str, host: str, port: int) -> int:
        held = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
        if kind == socket.SOCK_STREAM:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            held.bind((host, port))
        except OSError as error:
            self.release()
            raise PortInUse(
                f"setting {setting}: port {port} on {host} cannot be used ({error.strerror}); choose another, or 0"
            ) from None
        self._held.append(held)
        return int(held.getsockname()[1])

    def release(self) -> None:
        for held in self._held:
            held.close()


def _own_folder(folder: Path) -> None:
    """The folder is ours alone: somebody else's of that name in the shared temporary folder is refused."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077 or folder.is_symlink():
        raise SetUpFailed(
            f"{folder} is not a private folder of this user; remove it, or set TMPDIR to a folder of yours"
        )
