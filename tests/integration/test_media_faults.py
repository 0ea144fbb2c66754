"""Faults while recordings are sent in: the worker killed, two at once, no room, a file that went away."""

from __future__ import annotations

import functools
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from ivr.adapters import pico
from ivr.adapters.incoming import Standing
from ivr.adapters.queues import Queues
from ivr.errors import NotFound, Permanent, Refused, Temporary
from ivr.usecases import receiving, uploading
from ivr.usecases.uploading import Said
from tests.integration.scene import ON_SQLITE, Scene
from tests.integration.test_media import bells, horse, left, over, recording, scene_of, wait_for, worker

__all__ = ["bells", "recording", "scene_of", "worker"]
pytestmark = [ON_SQLITE, pytest.mark.timeout(180)]

Start = Callable[[], subprocess.Popen[bytes]]


def test_a_killed_worker_is_followed_by_one_that_ends_its_work(
    scene_of: Scene, bells: Queues, recording: Path, worker: Start
) -> None:
    process = worker()
    with scene_of.store.database.write():
        ticket = receiving.receive(bells, scene_of.settings, recording, "hello", Said())
        wait_for(lambda: list(scene_of.settings.sounds_dir.glob("*.alaw")), "the rendering")
        at_work = horse(process)
        process.kill()
        process.wait()
        os.kill(at_work, signal.SIGKILL)
        worker()
    assert over(bells, scene_of, ticket).standing is Standing.DONE
    assert len(left(scene_of)) == 4


def test_one_that_outlived_its_worker_ends_it_and_the_next_leaves_it_alone(
    scene_of: Scene, bells: Queues, recording: Path
) -> None:
    ticket = receiving.receive(bells, scene_of.settings, recording, "hello", Said())
    kept = receiving.incoming(scene_of.settings)
    kept.moved(ticket, Standing.WORKING)  # by this process, which lives
    assert receiving.standing(bells, scene_of.settings, ticket.id).standing is Standing.WORKING
    receiving.prepare(scene_of.store, scene_of.settings, ticket.id)
    late = kept.ticket(ticket.id)
    assert late.standing is Standing.DONE
    receiving.struck(scene_of.settings, ticket.id, os.getpid())
    assert kept.ticket(ticket.id) == late


@pytest.mark.parametrize("names", [("hello", "hello"), ("hello", "again")])
def test_the_same_recording_twice_at_once_is_kept_once(
    scene_of: Scene, recording: Path, names: tuple[str, str]
) -> None:
    with ThreadPoolExecutor(2) as pool:
        add = functools.partial(uploading.add, scene_of.store, scene_of.settings, recording)
        first, second = pool.map(add, names)
    assert first.sound == second.sound
    assert (first.id == second.id) is (names[0] == names[1])
    assert len(left(scene_of)) == 4
    for message in (first, second):
        uploading.verify_message(message, scene_of.settings)


def test_of_two_recordings_at_once_under_one_name_one_is_refused(
    scene_of: Scene, recording: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.wav"
    other.write_bytes(pico.speak("Good evening. This is the town hall, and here are the news of this week.", "en-GB"))
    with ThreadPoolExecutor(2) as pool:
        tried = [
            pool.submit(uploading.add, scene_of.store, scene_of.settings, file, "hello") for file in (recording, other)
        ]
        errors = [one.exception() for one in tried]
    (error,) = [one for one in errors if one]
    assert isinstance(error, Refused)
    assert "choose another --name" in str(error)
    uploading.verify_message(scene_of.store.messages.named("hello"), scene_of.settings)


@contextmanager
def no_file_above(size_bytes: int) -> Iterator[None]:
    """Whatever this process writes beyond that fails, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_no_room_to_receive_or_to_render_leaves_nothing_and_says_what_to_do(
    scene_of: Scene, bells: Queues, recording: Path
) -> None:
    ticket = receiving.receive(bells, scene_of.settings, recording, "hello", Said())
    before = left(scene_of)
    with no_file_above(20_000):
        for attempt in (
            lambda: receiving.receive(bells, scene_of.settings, recording, "second", Said()),
            lambda: receiving.prepare(scene_of.store, scene_of.settings, ticket.id),
            lambda: uploading.add(scene_of.store, scene_of.settings, recording, "third"),
        ):
            with pytest.raises(Temporary, match=r"cannot be written \(File too large\): free some space") as raised:
                attempt()
            assert "\n" not in str(raised.value)
            assert left(scene_of) == before
    kept = receiving.incoming(scene_of.settings)
    assert (kept.ticket(ticket.id).standing, kept.ticket(ticket.id).tries) == (Standing.WAITING, 0)
    assert receiving.prepare(scene_of.store, scene_of.settings, ticket.id)


def test_no_room_for_a_ticket_leaves_no_recording_without_one(scene_of: Scene, bells: Queues, tmp_path: Path) -> None:
    small = tmp_path / "small.wav"
    small.write_bytes(b"RIFF")
    with no_file_above(10), pytest.raises(Temporary, match="free some space"):
        receiving.receive(bells, scene_of.settings, small, "hello", Said())
    assert left(scene_of) == set()
    assert list((scene_of.settings.shared_dir / "incoming").iterdir()) == []


def test_a_recording_whose_receiver_was_killed_is_not_kept_for_ever(scene_of: Scene, bells: Queues) -> None:
    folder = scene_of.settings.shared_dir / "incoming"
    old, young = (folder / (digit * 32) for digit in "ab")
    for ticketless in (old, young):
        (ticketless / "file").mkdir(parents=True)
        (ticketless / "file" / "hello.wav").write_bytes(b"RIFF")
    os.utime(old, (1, 1))
    receiving.resume(bells, scene_of.settings)
    assert list(folder.iterdir()) == [young]


FULL = """
import sys
from pathlib import Path
from ivr.adapters.files import write_all
from ivr.errors import Temporary
folder = Path(sys.argv[1])
try:
    write_all({folder / name: bytes(200_000) for name in ("a.sln16", "a.ulaw", "a.alaw")})
except Temporary as error:
    print(sorted(path.name for path in folder.iterdir()), error)
"""


def test_a_disk_that_fills_between_two_files_of_a_sound_has_none_of_them(scene_of: Scene) -> None:
    folder = scene_of.settings.sounds_dir
    folder.mkdir(parents=True, exist_ok=True)
    mounted = 'mount -t tmpfs -o size=500k none "$1" && exec "$2" -c "$3" "$1"'
    apart = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    may = subprocess.run([*apart, 'mount -t tmpfs none "$1"', "sh", str(folder)], capture_output=True, check=False)
    if may.returncode:
        pytest.skip("a file system of our own is not allowed here")
    argv = [*apart, mounted, "sh", str(folder), sys.executable, FULL]
    ran = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.startswith(f"[] {folder} cannot be written (No space left on device): free some space")


@pytest.mark.parametrize("extension", ["alaw", "ulaw", "sln16"])
def test_an_approved_message_whose_file_went_away_does_not_start(
    scene_of: Scene, recording: Path, extension: str
) -> None:
    message = uploading.add(scene_of.store, scene_of.settings, recording, "hello")
    message = uploading.approve(scene_of.store, scene_of.settings, "hello", "anne")
    file = scene_of.settings.sounds_dir / f"{message.sound}.{extension}"
    file.unlink()
    with pytest.raises((NotFound, Permanent), match=r"add its recording again with `ivr message add`") as raised:
        uploading.startable(message, scene_of.settings, "")
    assert "\n" not in str(raised.value)
    assert uploading.add(scene_of.store, scene_of.settings, recording, "hello") == message  # as it says: mended
    uploading.startable(message, scene_of.settings, "")
