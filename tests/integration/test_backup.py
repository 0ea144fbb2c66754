"""asterisk/backup.sh: a copy from which everything can be had again, whole or not there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ivr.settings import HOME
from tests.integration.scene import ON_POSTGRES, Scene, wait_for
from tests.postgres import PostgresServer
from tests.stack import alive

SCRIPT = HOME / "asterisk" / "backup.sh"

Backup = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def backup(scene: Scene, postgres: PostgresServer, tmp_path: Path) -> Backup:
    """Starts the script as the service does, with the programs of the tests' own PostgreSQL."""
    if not (postgres.programs / "pg_dump").exists():
        pytest.skip("this PostgreSQL has no pg_dump")
    config = tmp_path / "portevoix.toml"
    config.write_text("[pbx]\n", encoding="utf-8")
    environment = {
        "PATH": f"{postgres.programs}:{os.environ['PATH']}",
        "BACKUP_TO": str(tmp_path / "copies"),
        "BACKUP_DATABASE": scene.settings.database_url,
        "IVR_SHARED": str(scene.settings.shared_dir),
        "IVR_CONFIG": str(config),
    }

    def start(word: str, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [SCRIPT, word], env=environment | more, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    return start


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@ON_POSTGRES
def test_a_copy_gives_everything_back(scene: Scene, backup: Backup, postgres: PostgresServer, tmp_path: Path) -> None:
    scene.campaign(people=7)
    key = scene.settings.suppression_key_file
    code, out, err = ended(backup("once"))
    assert code == 0, err
    copy = Path(out.strip())
    restored = postgres.create()
    words = [str(postgres.programs / "pg_restore"), "--no-owner", "--exit-on-error", f"--dbname={restored}"]
    subprocess.run([*words, str(copy / "database.dump")], check=True, timeout=60)
    try:
        name = restored.partition("?")[0].rpartition("/")[2]
        assert postgres.run("SELECT count(*) FROM targets", database=name) == [(7,)]
    finally:
        postgres.drop(restored)
    with tarfile.open(copy / "shared.tar.gz") as archive:
        archive.extractall(tmp_path / "back", filter="data")
    assert (tmp_path / "back" / key.relative_to(scene.settings.shared_dir)).read_bytes() == key.read_bytes()
    assert (copy / "portevoix.toml").read_text(encoding="utf-8") == "[pbx]\n"
    assert (copy / "database.dump").stat().st_mode & 0o077 == 0
    assert ended(backup("check"))[0] == 0


@ON_POSTGRES
def test_a_copy_that_fails_is_none_and_takes_no_other_away(scene: Scene, backup: Backup, tmp_path: Path) -> None:
    assert ended(backup("once"))[0] == 0
    [kept] = (tmp_path / "copies").glob("portevoix-*")
    os.utime(kept, (time.time() - 30 * 86400,) * 2)
    assert ended(backup("check"))[0] != 0
    assert ended(backup("once", BACKUP_DATABASE=f"{scene.settings.database_url}&user=nobody-of-that-name"))[0] != 0
    assert list((tmp_path / "copies").glob("portevoix-*")) == [kept], "an old copy goes only when a new one is there"
    shutil.move(kept, kept.with_name("portevoix-old"))
    assert ended(backup("once"))[0] == 0
    assert not kept.with_name("portevoix-old").exists()
    assert len(list((tmp_path / "copies").glob("portevoix-*"))) == 1


@ON_POSTGRES
def test_daily_copies_at_once_and_ends_when_told(scene: Scene, backup: Backup, tmp_path: Path) -> None:
    process = backup("daily")
    try:
        wait_for(lambda: sleeping(process.pid), "the rest of the day", 60)
        assert len(list((tmp_path / "copies").glob("portevoix-*"))) == 1
        [child] = sleeping(process.pid)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        wait_for(lambda: not alive(child), "the end of what it waited for")
    finally:
        process.kill()
        process.communicate(timeout=60)


def sleeping(pid: int) -> list[int]:
    """Its children that sleep; those that end meanwhile do not."""
    children = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    return [child for child in children if _name(child) == "sleep"]


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""
