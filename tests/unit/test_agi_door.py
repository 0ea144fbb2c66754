"""The AGI server's door: from what Asterisk asks for to the result that travels."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ivr.adapters.outbox import Outbox
from ivr.adapters.store import Store
from ivr.doors.agi_server import Conversations, load_scripts
from ivr.rules.segments import EndedBy, Segment
from ivr.settings import HOME, Calls, Settings
from ivr.usecases.recording import as_listen
from ivr.usecases.stopping import Stops
from tests.unit.fakes.agi import Call, Scripted, serving

NAMES = ["a1", "p1", "m1", "n1", "c1"]
LENGTHS_MS = {"p1": 1000, "m1": 4000, "n1": 2000, "c1": 700}


@dataclass
class Door:
    """A server that converses as the installation's does; `told`: the results that left."""

    scripted: Scripted
    told: list[dict[str, Any]]
    outbox: Outbox

    def call(self, *arguments: str) -> Call:
        return self.scripted.call("test", arguments)

    def results(self) -> list[dict[str, Any]]:
        """What has left, once the call is over."""
        self.scripted.server.shutdown(5.0)
        self.outbox.close()
        return self.told


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    settings = Settings(home=tmp_path, calls=Calls(grace_s=0))
    settings.sounds_dir.mkdir(parents=True)
    for name, length_ms in LENGTHS_MS.items():
        (settings.sounds_dir / f"{name}.alaw").write_bytes(b"\xd5" * (length_ms * 8))
    told: list[dict[str, Any]] = []
    store = Store(settings)
    outbox = Outbox(tmp_path / "outbox", "agi", lambda lines: told.extend(map(json.loads, lines)))
    script = load_scripts(HOME / "agi")["play_message"]
    stops = Stops(store.suppressions.stop_attempt, outbox.put)
    with serving(Conversations(settings, stops, outbox).route(script)) as scripted:
        yield Door(scripted, told, outbox)
    stops.close()
    store.close()


def whole_play(call: Call, sound: str) -> None:
    call.expect("SET VARIABLE", "200 result=1")
    assert f'/{sound}" ' in call.expect("STREAM FILE", f"200 result=0 endpos={LENGTHS_MS[sound] * 8}")


def test_an_ordinary_call_needs_two_commands_a_segment_and_a_last_word(door: Door) -> None:
    with door.call(*NAMES) as call:
        for sound in ("p1", "m1", "n1"):
            whole_play(call, sound)
        assert call.hear() == 'SET VARIABLE "IVR_RESULT" "done"'
        assert call.hear() == "", "and the connection is closed, whether that is answered or not"
    (result,) = door.results()
    listen = as_listen(result)
    assert [(play.segment, play.heard_ms) for play in listen.plays] == [
        (Segment.PREROLL, 1000), (Segment.MESSAGE, 4000), (Segment.NOTICE, 2000),
    ]  # fmt: skip
    assert (listen.attempt, listen.ended_by, listen.measured_by, listen.error) == ("a1", EndedBy.US, "agi", "")


@pytest.mark.parametrize(
    ("variable", "ended_by"),
    [
        ("200 result=0", EndedBy.LISTENER),
        ("200 result=1 (asked)", EndedBy.LISTENER),
        ("200 result=1 (moved)", EndedBy.US),
        ("511 Not Permitted", EndedBy.LISTENER),
    ],
)
def test_a_hang_up_is_the_listeners_unless_the_channel_was_moved_away(
    door: Door, variable: str, ended_by: EndedBy
) -> None:
    with door.call(*NAMES) as call:
        call.expect("SET VARIABLE", "200 result=1")
        call.expect("STREAM FILE", "200 result=-1 endpos=80", "HANGUP")
        assert call.expect("GET VARIABLE", variable) == 'GET VARIABLE "IVR_RELEASED"'
        assert call.hear() == ""
    (result,) = door.results()
    assert as_listen(result).ended_by is ended_by


@pytest.mark.parametrize("attempt", ["", 'x" = "x', "a)b/..", "../a1", "a1\x7f", "é"])
def test_an_attempt_that_is_no_name_is_left_to_the_dialplan(door: Door, attempt: str) -> None:
    with door.call(attempt, *NAMES[1:]) as call:
        assert (call.hear(), call.hear()) == ("failure", "")
    assert door.results() == []


@pytest.mark.parametrize("arguments", [[], NAMES[:4], [*NAMES, "x"]])
def test_too_few_or_too_many_names_are_left_to_the_dialplan(door: Door, arguments: list[str]) -> None:
    with door.call(*arguments) as call:
        assert (call.hear(), call.hear()) == ("failure", "")
    assert door.results() == []


@pytest.mark.parametrize("name", ["../var/sounds/m1", "m1.alaw/..", "m1;x", "nosuchfile", ""])
def test_a_sound_whose_name_is_not_ours_is_missing(door: Door, name: str) -> None:
    with door.call("a1", "p1", name, "n1", "c1") as call:
        whole_play(call, "p1")
        assert call.hear() == 'SET VARIABLE "IVR_RESULT" "file"'
    (result,) = door.results()
    listen = as_listen(result)
    assert "message is missing" in listen.error
    assert (listen.ended_by, [play.segment for play in listen.plays]) == (EndedBy.UNKNOWN, [Segment.PREROLL])
