"""Health: each part is asked whether it works; a process that runs is not enough."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from ivr.adapters import agi
from ivr.adapters.pbx import instance
from ivr.adapters.ports import listens
from ivr.adapters.queues import MEDIA, ORIGINATE, RECORD, Queues
from ivr.adapters.supervisor import State, Supervisor
from ivr.errors import IvrError, NotFound, NotReady
from ivr.settings import Settings


def supervisor(settings: Settings) -> Supervisor:
    """The supervisor of these settings' var folder."""
    return Supervisor(settings.run_dir, settings.state_dir, settings.log_dir)


def probe(settings: Settings, part: str) -> str:
    """What that part says of itself, whoever started it. Raises NotReady when it does not work, NotFound if unknown."""
    with contextlib.closing(Queues(settings.redis_url)) as queues:
        probes = _probes(settings, queues)
        if part not in probes:
            raise NotFound(f"there is no part {part}: one of {', '.join(probes)}")
        return probes[part]()


def is_controlled(settings: Settings) -> bool:
    """Whether a controller lives that would begin what is started, whoever started it."""
    if supervisor(settings).is_up():
        return True
    with contextlib.closing(Queues(settings.redis_url)) as queues, contextlib.suppress(NotReady):
        return queues.live(settings.pbx.name) is not None
    return False


def worst_second(settings: Settings) -> int | None:
    """The most Originates in any rolling second of any trunk since the controller began; None if it is silent."""
    with contextlib.closing(Queues(settings.redis_url)) as queues:
        live = queues.live(settings.pbx.name)
    return max(live["worst_second"].values(), default=0) if live else None


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the installation, and whether it shows that it works."""

    state: State
    works: bool
    says: str


def status(settings: Settings) -> list[Part]:
    """Each part with its process' state and its own answer. Raises NotReady when nothing is up."""
    boss = supervisor(settings)
    if left := boss.orphans():
        names = ", ".join(sorted(left.values()))
        raise NotReady(f"the supervisor has died; {names} go on without it: `ivr up` takes over, `ivr down` ends them")
    states = boss.states()
    queues = Queues(_resolved(settings).redis_url)
    with contextlib.closing(queues):
        return _asked(states, _probes(_resolved(settings), queues))


def _resolved(settings: Settings) -> Settings:
    path = settings.resolved_file
    return Settings.model_validate_json(path.read_text(encoding="utf-8")) if path.is_file() else settings


def _asked(states: list[State], probes: dict[str, Callable[[], str]]) -> list[Part]:
    parts = []
    for state in states:
        probe = next((probe for prefix, probe in probes.items() if state.name.startswith(prefix)), None)
        says, works = "", state.state == "running"
        if probe and works:
            try:
                says = probe()
            except (IvrError, OSError) as error:
                says, works = str(error), False
        parts.append(Part(state, works, says))
    return parts


def _probes(settings: Settings, queues: Queues) -> dict[str, Callable[[], str]]:
    return {
        "redis": lambda: _redis_says(queues),
        "asterisk": lambda: _asterisk_says(settings),
        "agi": lambda: _agi_says(settings),
        "controller": lambda: _controller_says(queues, settings.pbx.name),
        ORIGINATE: lambda: _worker_says(queues, ORIGINATE),
        RECORD: lambda: _worker_says(queues, RECORD),
        MEDIA: lambda: _worker_says(queues, MEDIA),
        "metrics": lambda: _metrics_says(settings),
    }


def _redis_says(queues: Queues) -> str:
    queues.ping()
    return "answers"


def _asterisk_says(settings: Settings) -> str:
    instance.wait_booted(settings, 3.0)
    return f"booted, {channels(settings)} channels"


def _agi_says(settings: Settings) -> str:
    if not agi.answers(settings.pbx.agi_port, 2.0):
        raise NotReady("it does not answer")
    return "answers"


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


def _metrics_says(settings: Settings) -> str:
    told = settings.metrics
    if not listens(told.bind, told.port, 2.0):
        raise NotReady("it does not listen")
    return f"http://{told.bind}:{told.port}/metrics"


def channels(settings: Settings) -> int:
    """Live channels on this Asterisk; 0 when it does not answer."""
    try:
        words = instance.cli(settings, "core show channels count").split()
    except NotReady:
        return 0
    return int(words[0]) if words and words[0].isdigit() else 0
