"""The lab called by a real Asterisk: what the call script measures is what the ears received."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ivr.adapters.agi import AgiServer, AgiSession
from ivr.adapters.carrier import files
from ivr.adapters.carrier.orders import PEOPLE
from ivr.adapters.carrier.sipp import Carrier, Ports, free_port
from ivr.adapters.pbx import channelvars, programs
from ivr.doors.agi_server import SEGMENT_ARGUMENTS, load_scripts
from ivr.errors import CallEnded
from ivr.rules.electorate import EDGES, Behaviour, Person, SegmentLengths, electorate
from ivr.rules.segments import CallResult, EndedBy, Listen, Segment
from ivr.rules.states import Outcome
from ivr.settings import HOME, Settings
from ivr.usecases.conversation import Call, Manners, Sounds
from ivr.usecases.lab_check import check

LENGTHS_MS = {Segment.PREROLL: 800, Segment.MESSAGE: 2000, Segment.NOTICE: 1210, Segment.CONFIRMATION: 605}
NAMES = {segment: f"lab-{segment}" for segment in Segment}
RATE_CPS = 20
RING_MS = {Behaviour.NO_ANSWER: "1500"}

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(120)]


class Scripts:
    """The product's own call script on the product's AGI server; keeps listens and stops in memory."""

    def __init__(self, settings: Settings) -> None:
        self.listens: dict[str, Listen] = {}
        self.stopped: set[str] = set()
        self._folder = settings.sounds_dir
        self._script = load_scripts(HOME / "agi")[channelvars.AGI_ROUTE]
        self._server = AgiServer("127.0.0.1", settings.pbx.agi_port, {channelvars.AGI_ROUTE: self._converse})
        self._server.start()

    def _converse(self, session: AgiSession) -> None:
        attempt, *names = session.arguments
        sounds = Sounds(self._folder, dict(zip(SEGMENT_ARGUMENTS, names, strict=True)))
        call = Call(attempt, session, sounds, Manners(1.5, 3), lambda stopped, *_: self.stopped.add(stopped))
        try:
            self._script(call)
            call.finish()
            ended_by = EndedBy.US
        except CallEnded:
            ended_by = EndedBy.LISTENER
        self.listens[attempt] = call.listen(ended_by)

    def close(self) -> None:
        self._server.shutdown(1.0)


@pytest.fixture
def scripts(pbx: Any) -> Iterator[Scripts]:
    serving = Scripts(pbx.settings)
    yield serving
    serving.close()


@pytest.fixture
def people(pbx: Any) -> list[Person]:
    """Every edge case; the sounds they hear are noise between silences, as speech is."""
    draw = random.Random(9)
    for segment, length_ms in LENGTHS_MS.items():
        middle = draw.randbytes(length_ms * 8 - 1600)
        (pbx.settings.sounds_dir / f"{NAMES[segment]}.alaw").write_bytes(b"\xd5" * 800 + middle + b"\xd5" * 800)
    return electorate(len(EDGES), 2, SegmentLengths(*LENGTHS_MS.values()))


@pytest.fixture
def carrier(pbx: Any, people: list[Person], tmp_path: Path) -> Iterator[Carrier]:
    files.write_people(tmp_path / PEOPLE, people)
    sounds = {segment: pbx.settings.sounds_dir / f"{name}.alaw" for segment, name in NAMES.items()}
    sipp = programs.find("sipp", pbx.settings.cache_dir)
    serving = Carrier(tmp_path, sipp, Ports(pbx.carrier_port, free_port()), sounds)
    serving.start()
    yield serving
    serving.stop()


def originate(ami: Any, person: Person) -> None:
    given = {"ATTEMPT": attempt_of(person)} | {segment.name: name for segment, name in NAMES.items()}
    headers = {f"Variable_{name}": f"IVR_{name}={value}" for name, value in given.items()}
    answer = ami.action(
        "Originate", Channel=f"PJSIP/{person.number}@lab", Context=channelvars.CONTEXT, Exten="s", Priority="1",
        ChannelId=attempt_of(person), Async="true", Timeout=RING_MS.get(person.behaviour, "9000"), **headers,
    )  # fmt: skip
    assert answer["Response"] == "Success", answer


def attempt_of(person: Person) -> str:
    return f"lab-{person.index}"


def test_listened_times_are_those_of_the_far_end(
    ami: Any, carrier: Carrier, scripts: Scripts, people: list[Person]
) -> None:
    begun = time.monotonic()
    for count, person in enumerate(people):
        time.sleep(max(0.0, begun + count / RATE_CPS - time.monotonic()))  # the pace of the calls
        originate(ami, person)
    for person in people:
        ami.ended(attempt_of(person))
    carrier.stop()
    truth = carrier.truth()
    suppressed = {person.number for person in people if attempt_of(person) in scripts.stopped}
    results = [
        CallResult(p.number, attempt_of(p), row.outcome, "done", "", 1, 1, 2, scripts.listens.get(attempt_of(p)))
        for p, row in zip(people, truth, strict=True)
    ]
    found = check(results, truth, suppressed)
    assert found.ok, found.as_json()
    assert found.max_error_ms <= 100
    assert (found.lost, found.keys_missed, found.unaccounted) == (0, 0, 0), found.as_json()
    assert found.stops == sum(person.stops for person in people)
    by_behaviour = {person.behaviour: row for person, row in zip(people, truth, strict=True)}
    assert by_behaviour[Behaviour.NO_ANSWER].outcome == Outcome.NO_ANSWER
    whole = by_behaviour[Behaviour.LISTENS]
    assert [round(whole.heard_ms[s]) for s in SEGMENT_ARGUMENTS] == [800, 2000, 1210, 0]
