"""The lab as a whole: plan, carrier, truth while it runs, another plan, and what is refused."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ivr.adapters.carrier.sipp import Ports
from ivr.errors import IvrError, NotFound, NotReady, Refused
from ivr.rules.electorate import Behaviour, Person
from ivr.rules.segments import Segment
from ivr.settings import Settings, load
from ivr.usecases import lab

NAMES = {segment: f"lab{segment}" for segment in Segment}


@pytest.fixture
def settings(tmp_path: Path, sounds: dict[Segment, Path]) -> Settings:
    """An installation in which the four sounds are rendered."""
    made = Settings(home=tmp_path, cache=load().cache_dir)
    made.sounds_dir.mkdir(parents=True)
    for segment, path in sounds.items():
        shutil.copy(path, made.sounds_dir / f"{NAMES[segment]}.alaw")
    return made


@pytest.fixture
def served(settings: Settings) -> Iterator[Settings]:
    """The carrier runs, waiting for a plan."""
    stop = threading.Event()
    failed: list[IvrError] = []

    def run() -> None:
        try:
            lab.run_carrier(settings, stop.is_set)
        except IvrError as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    yield settings
    stop.set()
    thread.join(20)
    assert not failed
    assert not thread.is_alive()
    assert not (lab.lab_dir(settings) / lab.CARRIER).exists()


def first(people: list[Person], behaviour: Behaviour) -> Person:
    return next(person for person in people if person.behaviour is behaviour)


@pytest.mark.parametrize("seed", [2, 1], ids=["others", "the same people again"])
def test_the_truth_is_known_while_the_carrier_runs_and_a_new_plan_starts_anew(
    served: Settings, caller: Any, seed: int
) -> None:
    with pytest.raises(NotFound, match="--sound"):
        lab.plan(served, 60, 1)
    assert lab.set_sounds(served, NAMES).message_ms == 2000
    people = lab.plan(served, 60, 1)
    ports = lab.wait_ready(served)
    person = first(people, Behaviour.CONGESTION)
    call = caller(ports.sip, person.number)
    assert call.dial() == 503
    call.close()
    row = lab.truth(served)[person.index]
    assert (row.called, row.outcome) == (1, "congestion")
    other = lab.plan(served, 60, seed)
    assert lab.wait_ready(served) == ports
    assert {row.number for row in lab.truth(served)} == {person.number for person in other}
    assert sum(row.called for row in lab.truth(served)) == 0
    person = first(other, Behaviour.CONGESTION)
    call = caller(ports.sip, person.number)
    assert call.dial() == 503
    call.close()
    assert [row.number for row in lab.truth(served) if row.called] == [person.number]


def test_contacts_come_before_the_plan_and_are_the_same_people(settings: Settings) -> None:
    path = lab.contacts(settings, 60, 1)
    before = path.read_text(encoding="utf-8")
    lab.set_sounds(settings, NAMES)
    people = lab.plan(settings, 60, 1)
    assert path.read_text(encoding="utf-8") == before
    assert [line.split(";")[0] for line in before.splitlines()[1:]] == [person.number for person in people]


def test_what_cannot_be_done_is_refused(settings: Settings) -> None:
    with pytest.raises(NotFound, match="confirmation"):
        lab.set_sounds(settings, {Segment.PREROLL: "a", Segment.MESSAGE: "b", Segment.NOTICE: "c"})
    with pytest.raises(NotFound, match="no sound absent"):
        lab.set_sounds(settings, NAMES | {Segment.NOTICE: "absent"})
    with pytest.raises(NotFound):
        lab.set_sounds(settings, NAMES | {Segment.NOTICE: "../sounds/labnotice"})
    (settings.sounds_dir / "short.alaw").write_bytes(b"\xd5" * 800)
    with pytest.raises(Refused, match="100 ms"):
        lab.set_sounds(settings, NAMES | {Segment.NOTICE: "short"})
    with pytest.raises(NotReady, match="ivr lab carrier"):
        lab.wait_ready(settings, 0.2)
    with pytest.raises(NotFound, match="ivr lab people"):
        lab.truth(settings)


def test_a_killed_carrier_leaves_nothing_that_holds_its_ports(settings: Settings, tmp_path: Path, ports: Ports) -> None:
    (tmp_path / "portevoix.toml").write_text(
        f'cache = "{settings.cache}"\n[lab]\nsip_port = {ports.sip}\nmedia_port = {ports.media}\n', encoding="utf-8"
    )
    lab.set_sounds(settings, NAMES)
    lab.plan(settings, 5, 1)
    command = [sys.executable, "-m", "ivr", "--config", str(tmp_path / "portevoix.toml"), "lab", "carrier"]
    for _ in range(2):
        with subprocess.Popen(command) as process:
            try:
                assert lab.wait_ready(settings) == ports
            finally:
                process.kill()
        (lab.lab_dir(settings) / lab.CARRIER).unlink()
        limit = time.monotonic() + 10
        while not all(_free(port) for port in (ports.sip, ports.media)):
            assert time.monotonic() < limit, "SIPp or the ears outlive the carrier"
            time.sleep(0.02)


def _free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        with contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
        return False


@pytest.mark.timeout(120)
def test_the_command_serves_until_sigterm_and_leaves_the_truth(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "portevoix.toml").write_text(f'cache = "{settings.cache}"\n', encoding="utf-8")
    lab.set_sounds(settings, NAMES)
    lab.plan(settings, 5, 1)
    command = [sys.executable, "-m", "ivr", "--config", str(tmp_path / "portevoix.toml"), "lab", "carrier"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        try:
            lab.wait_ready(settings, 60)
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=40)
        finally:
            process.kill()
    assert (process.returncode, b"Traceback" in said) == (0, False), said
    assert len(lab.truth(settings)) == 5
