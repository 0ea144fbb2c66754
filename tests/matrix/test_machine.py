"""The machine itself fails: its disk is full, its clock steps, it is suspended."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.matrix.clock import Clock
from tests.matrix.conftest import Matrix, at_peace
from tests.matrix.installation import Installation, installation
from tests.stack import wait_for

pytestmark = [pytest.mark.asterisk, pytest.mark.faults, pytest.mark.timeout(360)]

SUSPENDED_S = 60.0
FULL_S = 10.0
DISK_MB = 128
HOUR_S = 3600


def wait_s(seconds: float) -> None:
    until_s = time.monotonic() + seconds
    wait_for(lambda: time.monotonic() > until_s, f"the end of {seconds:g} s", seconds + 5)


def test_machine_suspended_for_a_minute(matrix: Matrix) -> None:
    """The far end is not: people hang up meanwhile, and whoever waits hears nothing."""
    with matrix.scene("machine: suspended for 60 s") as scene:
        with scene.frozen():
            pass
        still = matrix.up.suspend()
        wait_s(SUSPENDED_S)
        for pid in still:
            matrix.up.resume(pid)
        scene.wait_back(time.monotonic())
        matrix.close(scene, cuts=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"a file system of our own cannot be had: {error}")
    if done.returncode:
        pytest.skip(f"a file system of our own cannot be had: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Not a byte more can be written in the folder."""
    path = folder / "filling"
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    assert os.statvfs(folder).f_bfree == 0
    return path


def test_disk_full(small_disk: Path, tmp_path: Path) -> None:
    """Ours, not the far end's: what the carrier saw is written elsewhere."""
    var, lab = small_disk / "var", tmp_path / "lab"
    lab.mkdir(mode=0o700)
    var.mkdir()
    (var / "lab").symlink_to(lab)
    with installation(var) as up:
        for matrix in at_peace(up):
            with matrix.scene("machine: disk full for 10 s") as scene:
                with scene.frozen():
                    filling = fill(small_disk)
                wait_s(FULL_S)
                filling.unlink()
                scene.wait_back(time.monotonic())
                matrix.close(scene)


@pytest.fixture(scope="module")
def stepping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Installation, Clock]]:
    folder = tmp_path_factory.mktemp("matrix-clock")
    with installation(folder / "var") as up:
        clock = Clock(up, folder)
        yield up, clock


@pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S], ids=["forward", "back"])
def test_clock_stepped(stepping: tuple[Installation, Clock], step_s: int) -> None:
    up, clock = stepping
    clock.step(0)
    for matrix in at_peace(up):
        with matrix.scene(f"machine: clock stepped by {step_s // HOUR_S:+d} h") as scene:
            with scene.frozen():
                since_s = time.monotonic()
                clock.step(step_s)
            scene.wait_back(since_s)
            matrix.close(scene)
