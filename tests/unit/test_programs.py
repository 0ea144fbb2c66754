"""Programs are found on the machine if recent enough, else in a complete native folder, else named as missing."""

import platform
from pathlib import Path

import pytest

from ivr.adapters.pbx import programs
from ivr.errors import ProgramMissing

ARCHITECTURE, TRIPLET = {"x86_64": ("amd64", "x86_64-linux-gnu"), "aarch64": ("arm64", "aarch64-linux-gnu")}[
    platform.machine()
]


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A $PATH with nothing on it but what a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(programs, "_SYSTEM_PATH", ())
    return folder


def put(file: Path, says: str = "") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\necho '{says}'\n")
    file.chmod(0o755)


def native_folder(cache: Path, *names: str, complete: bool = True) -> Path:
    folder = cache / f"native-forky-{ARCHITECTURE}"
    for name in names:
        put(folder / "usr/bin" / name)
    put(folder / f"usr/lib64/ld-linux-{platform.machine()}.so.2")
    (folder / "usr/lib" / TRIPLET / "blas").mkdir(parents=True)
    if complete:
        (folder / ".complete").write_text("\n".join(names))
    return folder


def test_recent_program_of_the_machine_is_started_as_it_is(bare_machine: Path, tmp_path: Path) -> None:
    put(bare_machine / "asterisk", "Asterisk 20.6.0~dfsg+~cs6.13.40431414-2build5")
    found = programs.find("asterisk", tmp_path)
    assert found.origin == "machine"
    assert found.argv("-V") == [str(bare_machine / "asterisk"), "-V"]
    assert found.env() == {}
    assert programs.major(found) == 20


@pytest.mark.parametrize("says", ["Asterisk 18.10.0~dfsg", "Asterisk SVN-branch", "", "Asterisk certified/18.9-cert4"])
def test_old_or_strange_asterisk_of_the_machine_is_passed_over(bare_machine: Path, tmp_path: Path, says: str) -> None:
    put(bare_machine / "asterisk", says)
    with pytest.raises(ProgramMissing, match=r"asterisk is not on this machine.*`make setup`"):
        programs.find("asterisk", tmp_path)
    native_folder(tmp_path, "asterisk")
    assert programs.find("asterisk", tmp_path).origin == f"native-forky-{ARCHITECTURE}"


def test_certified_asterisk_counts_by_its_number(bare_machine: Path, tmp_path: Path) -> None:
    put(bare_machine / "asterisk", "Asterisk certified/20.7-cert2")
    assert programs.find("asterisk", tmp_path).origin == "machine"


def test_native_program_is_started_by_its_own_loader(tmp_path: Path) -> None:
    folder = native_folder(tmp_path, "sipp")
    loader, *rest = programs.find("sipp", tmp_path).argv("-v")
    assert loader.startswith(str(folder / "usr/lib64/ld-linux"))
    libraries = folder / "usr/lib" / TRIPLET
    assert rest == [
        "--library-path",
        f"{libraries}:{libraries / 'blas'}:{folder / 'usr/lib'}",
        "--argv0",
        "sipp",
        str(folder / "usr/bin/sipp"),
        "-v",
    ]
    assert programs.find("sipp", tmp_path).env() == {"GCONV_PATH": str(libraries / "gconv")}


def test_incomplete_folder_is_as_none(tmp_path: Path) -> None:
    native_folder(tmp_path, "sipp", complete=False)
    with pytest.raises(ProgramMissing):
        programs.find("sipp", tmp_path)


def test_missing_names_each(bare_machine: Path, tmp_path: Path) -> None:
    put(bare_machine / "ffmpeg")
    put(bare_machine / "redis-server", "Redis server v=6.0.16 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64")
    put(bare_machine / "sipp", "\n SIPp v3.6.1-SCTP-PCAP-RTPSTREAM.\n")
    native_folder(tmp_path, "asterisk")
    assert programs.missing(tmp_path) == ["redis-server", "ffprobe"]
