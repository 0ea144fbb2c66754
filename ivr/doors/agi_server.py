"""The AGI server: answers Asterisk, runs the call scripts of `agi/`, sends what was heard on its way."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ivr.adapters.agi import AgiServer, AgiSession
from ivr.adapters.outbox import Outbox
from ivr.adapters.pbx import channelvars
from ivr.adapters.queues import Queues
from ivr.adapters.store import Store
from ivr.doors.callback_line import CallbackLine
from ivr.errors import AgiRefused, CallEnded, Unsendable
from ivr.rules.segments import EndedBy, Segment
from ivr.settings import HOME, Settings
from ivr.usecases.conversation import Call, Manners, SoundMissing, Sounds
from ivr.usecases.recording import listen_result
from ivr.usecases.stopping import Stops

log = logging.getLogger(__name__)

DRAIN_S = 5.0
"""How long calls on the line may go on after SIGTERM; then the dialplan speaks in the script's place."""

Script = Callable[[Call], None]
"""A script of a campaign's calls; that of the call-back line takes another kind of call."""
SEGMENT_ARGUMENTS = (Segment.PREROLL, Segment.MESSAGE, Segment.NOTICE, Segment.CONFIRMATION)
_NAME = re.compile(r"[A-Za-z0-9-]*")
"""Names of ours, of attempts and of files; dialplans/ivr-fallback.conf knows the same ones."""


def load_scripts(folder: Path) -> dict[str, Callable[[Any], None]]:
    """The call scripts by route: each file of `agi/` has one function, named like the file, which is the route."""
    scripts: dict[str, Callable[[Any], None]] = {}
    for path in sorted(folder.glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"agi_scripts.{path.stem}", path)
        if spec is None or spec.loader is None:
            raise ImportError(f"cannot load {path}")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        scripts[path.stem] = getattr(module, path.stem)
    return scripts


class Conversations:
    """Turns AGI sessions into calls, and calls into results."""

    def __init__(self, settings: Settings, stops: Stops, outbox: Outbox) -> None:
        self._folder = settings.sounds_dir
        self._manners = Manners(settings.calls.grace_s, settings.calls.max_repeats)
        self._stops = stops
        self._outbox = outbox

    def route(self, script: Script) -> Callable[[AgiSession], None]:
        """What the AGI server runs for one script."""

        def handle(session: AgiSession) -> None:
            self._converse(session, script)

        return handle

    def _converse(self, session: AgiSession, script: Script) -> None:
        attempt, *names = session.arguments
        if not attempt or not _NAME.fullmatch(attempt) or len(names) != len(SEGMENT_ARGUMENTS):
            raise Unsendable("a call whose attempt or sounds have names that are not ours")
        files = (name if _NAME.fullmatch(name) else "" for name in names)  # "": there is no such file
        sounds = Sounds(self._folder, dict(zip(SEGMENT_ARGUMENTS, files, strict=True)))
        call = Call(attempt, session, sounds, self._manners, self._stops.take)
        ended_by, error = EndedBy.UNKNOWN, "the call script failed"
        try:
            script(call)
            call.finish()
            ended_by, error = EndedBy.US, ""
        except CallEnded:
            ended_by, error = _who_left(session), ""
        except SoundMissing as missing:
            log.error("sound missing", extra={"action": "sound_missing", "attempt_id": attempt, "why": str(missing)})
            error = str(missing)
            call.give_way()
        finally:
            self._outbox.put(listen_result(call.listen(ended_by, error)))


def _who_left(session: AgiSession) -> EndedBy:
    """A call that we release looks to its script like one that the person ends; its channel knows better."""
    with contextlib.suppress(CallEnded, AgiRefused):
        if session.get_variable(channelvars.RELEASED) == channelvars.RELEASED_MOVED:
            return EndedBy.US
    return EndedBy.LISTENER


def run(settings: Settings) -> None:
    """Serves calls until SIGTERM; then lets the calls on the line end, for 5 s at most."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # of every thread: it is waited for below
    store = Store(settings)
    queues = Queues(settings.redis_url)
    outbox = Outbox(settings.var_dir / "outbox", "agi", lambda lines: _send(queues, lines))
    stops = Stops(store.suppressions.stop_attempt, lambda result: outbox.put(result, at_once=True))
    scripts = load_scripts(HOME / "agi")
    routes = {
        "play_message": Conversations(settings, stops, outbox).route(scripts["play_message"]),
        "call_back": CallbackLine(settings, store).route(scripts["call_back"]),
    }
    server = AgiServer("127.0.0.1", settings.pbx.agi_port, routes)
    settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings.agi_pid_file.write_text(str(os.getpid()))
    server.start()
    log.info("AGI server listens", extra={"action": "agi_up", "port": settings.pbx.agi_port})
    signal.sigwait({signal.SIGTERM})
    server.shutdown(DRAIN_S)
    stops.close()
    outbox.close()
    store.close()


def _send(queues: Queues, lines: list[str]) -> None:
    queues.publish_texts(lines)
    queues.ring_record()
