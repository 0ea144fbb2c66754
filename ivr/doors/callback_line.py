"""The call-back line's door: an AGI session becomes a call on the line."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from ivr.adapters.agi import AgiSession
from ivr.adapters.store import Store
from ivr.errors import Unsendable
from ivr.rules.calling_back import e164
from ivr.settings import Settings
from ivr.usecases import called_back
from ivr.usecases.calling_back import CallBack
from ivr.usecases.campaigns import now_ms

Script = Callable[[CallBack], None]


class CallbackLine:
    """Turns AGI sessions into calls on the line."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings, self._store = settings, store

    def route(self, script: Script) -> Callable[[AgiSession], None]:
        """What the AGI server runs for the line's script."""

        def handle(session: AgiSession) -> None:
            self._answer(session, script)

        return handle

    def _answer(self, session: AgiSession, script: Script) -> None:
        if len(session.arguments) != 2:
            raise Unsendable("a call to the call-back line without its numbers")
        called, caller = (e164(written, self._settings.calls.country) for written in session.arguments)
        at_ms, began_s, line = now_ms(), time.monotonic(), called or session.arguments[0]
        campaigns = called_back.speaking_on(self._store, self._settings, line)
        call = CallBack(
            line=session,
            sounds=self._settings.sounds_dir,
            desk=called_back.desk_of(self._store, self._settings, line),
            number=caller,
            campaigns=campaigns,
            language=campaigns[0].language if campaigns else self._settings.language,
            recording=self._recording(at_ms, session.unique_id),
        )
        try:
            script(call)
            call.finish()
        finally:
            called_back.count(self._store, call, line, at_ms, round(1000 * (time.monotonic() - began_s)))

    def _recording(self, at_ms: int, unique_id: str) -> Path:
        return self._settings.shared_dir / "requests" / f"{at_ms}-{unique_id.replace('.', '-')}.wav"
