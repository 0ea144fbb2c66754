"""Recordings that are sent in, prepared by a real worker whose work-horses are killed."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ivr.adapters import files, pico
from ivr.adapters.incoming import Incoming, Standing, Ticket
from ivr.adapters.queues import MEDIA, Queues
from ivr.adapters.rq_workers import HORSE_CPU_S, HORSE_MEMORY_BYTES
from ivr.errors import AudioRefused, NotFound, Refused, StoreBusy
from ivr.rules.records import Origin
from ivr.usecases import receiving, uploading
from ivr.usecases.uploading import Said
from tests.integration import scene as scenes
from tests.integration.conftest import RedisServer
from tests.integration.scene import ON_SQLITE, Scene

wait_for = functools.partial(scenes.wait_for, limit_s=45.0)  # an interpreter starts, beside whatever else runs
HERE = Path(__file__).resolve().parents[2]
TEXT = "Bonjour, ici la mairie. La réunion publique de jeudi aura lieu à dix-neuf heures, dans la salle des fêtes."

pytestmark = [ON_SQLITE, pytest.mark.timeout(180)]


@pytest.fixture
def scene_of(make_scene: Callable[..., Scene], redis_server: RedisServer) -> Scene:
    return make_scene(redis_server.url)


@pytest.fixture
def bells(redis_server: RedisServer) -> Iterator[Queues]:
    opened = Queues(redis_server.url)
    yield opened
    opened.close()


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    file = tmp_path / "my message.wav"
    file.write_bytes(pico.speak(TEXT, "fr-FR"))
    return file


@pytest.fixture
def worker(scene_of: Scene, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts the process that prepares recordings, logging to media.log."""
    config = tmp_path / "resolved.json"
    config.write_text(scene_of.settings.model_dump_json())
    env = {key: value for key, value in os.environ.items() if not key.startswith("IVR_")} | {"IVR_CONFIG": str(config)}
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        with (tmp_path / "media.log").open("ab") as log:
            command = [sys.executable, "-m", "ivr.doors.process", MEDIA]
            started.append(subprocess.Popen(command, cwd=HERE, env=env, stdout=log, stderr=log))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def half_written(folder: Path, pid: int) -> Path:
    """A part as the process `pid` leaves it when it is killed."""
    handle, part = files.new_part(folder)
    os.close(handle)
    return part.rename(part.with_name(part.name.replace(f"-{os.getpid()}.", f"-{pid}.")))


def horse(process: subprocess.Popen[bytes]) -> int:
    """The work-horse at work, 0 when there is none."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(children[0]) if children else 0


def left(scene: Scene) -> set[str]:
    """The files that are there beside the database and the tickets."""
    var = scene.settings.var_dir
    return (
        {path.name for path in var.rglob("*") if path.is_file() and path.name != "ticket.json"}
        - {path.name for path in var.glob("portevoix.db*")}
        - {path.name for path in (var / "keys").rglob("*")}
    )


def over(bells: Queues, scene: Scene, ticket: Ticket) -> Ticket:
    """How it stands in the end."""
    open_ = (Standing.WAITING, Standing.WORKING)
    kept = receiving.incoming(scene.settings)
    wait_for(lambda: kept.ticket(ticket.id).standing not in open_ and not kept.content(ticket).exists(), "the end")
    return receiving.standing(bells, scene.settings, ticket.id)


def test_a_recording_that_is_sent_in_becomes_a_message(
    scene_of: Scene, bells: Queues, recording: Path, worker: Callable[[], Any], tmp_path: Path
) -> None:
    said = Said(Origin.EDITED, sponsor="Town hall", language="fr")
    ticket = receiving.receive(bells, scene_of.settings, recording, "hello", said)
    assert receiving.standing(bells, scene_of.settings, ticket.id).standing is Standing.WAITING
    assert recording.exists()
    worker()
    assert over(bells, scene_of, ticket).standing is Standing.DONE
    message = scene_of.store.messages.named("hello")
    assert (message.original_name, message.origin, message.sponsor) == ("my message.wav", Origin.EDITED, "Town hall")
    sounds = {f"{message.sound}.{kind}" for kind in ("alaw", "ulaw", "sln16")}
    assert left(scene_of) == sounds | {message.original_sha256}
    assert "Traceback" not in (tmp_path / "media.log").read_text()
    assert bells.workers().get(MEDIA) == 1


def test_one_that_cannot_be_used_is_refused_with_the_reason_and_leaves_nothing(
    scene_of: Scene, bells: Queues, worker: Callable[[], Any], tmp_path: Path
) -> None:
    playlist = tmp_path / "list\n.mp3"
    playlist.write_text("#EXTM3U\n/etc/passwd\n" * 40)
    ticket = receiving.receive(bells, scene_of.settings, playlist, "hello", Said(language="en"))
    worker()
    ended = over(bells, scene_of, ticket)
    assert (ended.standing, ended.finding) == (Standing.REFUSED, "unreadable")
    assert ended.why.startswith("list?.mp3 is text, perhaps a playlist")
    assert left(scene_of) == set()


def test_what_can_be_said_is_said_at_once(scene_of: Scene, bells: Queues, recording: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="a cloned voice needs"):
        receiving.receive(bells, scene_of.settings, recording, "hello", Said(Origin.CLONED))
    with pytest.raises(NotFound):
        receiving.receive(bells, scene_of.settings, tmp_path / "none", "hello", Said())
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(AudioRefused):
        receiving.receive(bells, scene_of.settings, tmp_path / "pipe", "hello", Said())
    for nonsense in ("", "0" * 32, "../../etc", "a" * 5000):
        with pytest.raises(NotFound):
            receiving.standing(bells, scene_of.settings, nonsense)
    assert left(scene_of) == set()


def test_a_killed_work_horse_leaves_nothing_and_the_recording_is_tried_again(
    scene_of: Scene, bells: Queues, recording: Path, worker: Callable[[], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    process = worker()
    kept = receiving.incoming(scene_of.settings)
    with scene_of.store.database.write():  # rendered, it waits here to be written
        ticket = receiving.receive(bells, scene_of.settings, recording, "hello", Said())
        wait_for(lambda: list(scene_of.settings.sounds_dir.glob("*.alaw")), "the rendering")
        first = horse(process)
        assert first
        part = half_written(scene_of.settings.sounds_dir, first)
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: kept.ticket(ticket.id).tries == 2, "the second try")
    assert over(bells, scene_of, ticket).standing is Standing.DONE
    assert scene_of.store.messages.named("hello").original_name == "my message.wav"
    assert not part.exists()
    assert len(left(scene_of)) == 4


def _begun(kept: Incoming, ticket: Ticket, tries: int) -> bool:
    return kept.ticket(ticket.id).tries == tries


def test_one_whose_work_horse_is_killed_each_time_is_given_up(
    scene_of: Scene, bells: Queues, recording: Path, worker: Callable[[], subprocess.Popen[bytes]]
) -> None:
    process = worker()
    kept = receiving.incoming(scene_of.settings)
    with scene_of.store.database.write():
        ticket = receiving.receive(bells, scene_of.settings, recording, "hello", Said(language="fr"))
        for tries in (1, 2):
            wait_for(functools.partial(_begun, kept, ticket, tries), f"try {tries}")
            wait_for(lambda: horse(process), "its work-horse")
            os.kill(horse(process), signal.SIGKILL)
        ended = over(bells, scene_of, ticket)
    assert ended.standing is Standing.FAILED
    assert ended.why.startswith("my message.wav n'a pas pu être préparé avec le temps et la mémoire")
    assert not [name for name in left(scene_of) if name.endswith(".part")]
    assert scene_of.store.messages.all() == []
    wait_for(lambda: not bells.media_asked(ticket.id), "the end of its job")


def test_a_work_horse_has_limits(
    scene_of: Scene, bells: Queues, recording: Path, worker: Callable[[], subprocess.Popen[bytes]]
) -> None:
    process = worker()
    with scene_of.store.database.write():
        ticket = receiving.receive(bells, scene_of.settings, recording, "hello", Said())
        wait_for(lambda: list(scene_of.settings.sounds_dir.glob("*.alaw")), "the rendering")
        limits = Path(f"/proc/{horse(process)}/limits").read_text()
    assert [line.split()[3:5] for line in limits.splitlines() if line.startswith("Max address space")] == [
        [str(HORSE_MEMORY_BYTES)] * 2
    ]
    assert [line.split()[3:5] for line in limits.splitlines() if line.startswith("Max cpu time")] == [
        [str(HORSE_CPU_S)] * 2
    ]
    assert over(bells, scene_of, ticket).standing is Standing.DONE


def test_losing_redis_costs_delay_only(
    scene_of: Scene, bells: Queues, recording: Path, worker: Callable[[], Any], redis_server: RedisServer
) -> None:
    redis_server.kill()
    ticket = receiving.receive(bells, scene_of.settings, recording, "hello", Said())
    redis_server.start()
    worker()  # it asks what waits when it starts
    assert over(bells, scene_of, ticket).standing is Standing.DONE
    second = receiving.receive(bells, scene_of.settings, recording, "hello", Said())
    bells._redis.flushall()
    assert not bells.media_asked(second.id)
    receiving.standing(bells, scene_of.settings, second.id)  # whoever asks after it rings again
    assert over(bells, scene_of, second).standing is Standing.DONE


def test_preparing_twice_changes_nothing(scene_of: Scene, bells: Queues, recording: Path) -> None:
    ticket = receiving.receive(bells, scene_of.settings, recording, "hello", Said())
    message = receiving.prepare(scene_of.store, scene_of.settings, ticket.id)
    before = left(scene_of)
    assert receiving.prepare(scene_of.store, scene_of.settings, ticket.id) is None
    again = receiving.receive(bells, scene_of.settings, recording, "hello", Said())
    assert receiving.prepare(scene_of.store, scene_of.settings, again.id) == message
    assert left(scene_of) == before


def test_what_is_not_its_fault_makes_it_wait(
    scene_of: Scene, bells: Queues, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = receiving.receive(bells, scene_of.settings, recording, "hello", Said())
    kept = receiving.incoming(scene_of.settings)

    def raises(error: BaseException) -> Callable[..., None]:
        def add(*_: object) -> None:
            raise error

        return add

    for _ in range(5):
        monkeypatch.setattr(uploading, "add", raises(StoreBusy()))
        with pytest.raises(StoreBusy):
            receiving.prepare(scene_of.store, scene_of.settings, ticket.id)
        assert kept.ticket(ticket.id).standing is Standing.WAITING
    monkeypatch.setattr(uploading, "add", raises(MemoryError()))
    for standing in (Standing.WAITING, Standing.FAILED):
        with pytest.raises(MemoryError):
            receiving.prepare(scene_of.store, scene_of.settings, ticket.id)
        assert kept.ticket(ticket.id).standing is standing
    assert left(scene_of) == set()


def test_a_crash_after_the_ticket_leaves_no_recording_for_long(
    scene_of: Scene, bells: Queues, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = receiving.receive(bells, scene_of.settings, recording, "hello", Said())
    kept = receiving.incoming(scene_of.settings)
    with monkeypatch.context() as patch:
        patch.setattr(Incoming, "_drop", lambda *_: None)
        receiving.prepare(scene_of.store, scene_of.settings, ticket.id)
    assert kept.content(ticket).exists()
    receiving.resume(bells, scene_of.settings)
    assert not kept.content(ticket).exists()
    assert kept.ticket(ticket.id).standing is Standing.DONE


def test_half_a_file_of_somebody_long_gone_is_dropped(scene_of: Scene, bells: Queues) -> None:
    folder = scene_of.settings.sounds_dir
    folder.mkdir(parents=True, exist_ok=True)
    ours, gone, young = (half_written(folder, pid) for pid in (os.getpid(), 999999999, 999999999))
    elsewhere = folder / ".0badcafe-999999999.x.part"
    elsewhere.write_bytes(b"half")
    for part in (ours, gone, elsewhere):
        os.utime(part, (1, 1))
    receiving.resume(bells, scene_of.settings)
    assert set(folder.iterdir()) == {ours, young, elsewhere}
