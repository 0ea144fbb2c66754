"""Where Asterisk, Redis, SIPp and ffmpeg are: on the machine if good enough, else in the native folder of the cache."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ivr.errors import ProgramMissing

NAMES = ("asterisk", "redis-server", "sipp", "ffmpeg", "ffprobe")
_ARCHITECTURES = {"x86_64": ("amd64", "x86_64-linux-gnu"), "aarch64": ("arm64", "aarch64-linux-gnu")}
_OLDEST = {"asterisk": ("-V", 20), "redis-server": ("--version", 7), "sipp": ("-v", 3)}
"""How a program tells its version, and the oldest major version that does what we ask of it."""
_VERSION = re.compile(r"(?:Asterisk |v=|SIPp v)(?:certified[/-])?(\d+)")
_FOLDERS = ("usr/sbin", "usr/bin")
_SYSTEM_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")

_SYSTEM_LIBRARIES = tuple(map(Path, ("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives")))


@dataclass(frozen=True)
class Program:
    """A program that can be started: `binary`, directly or, when `native` is its folder, through its loader."""

    name: str
    binary: Path
    native: Path | None = None

    @property
    def origin(self) -> str:
        """Where it comes from, for people: "machine", or the name of the native folder."""
        return self.native.name if self.native else "machine"

    def argv(self, *args: str) -> list[str]:
        """The command line that starts it with `args`."""
        if self.native is None:
            return [str(self.binary), *args]
        loader = next((self.native / "usr" / "lib64").glob("ld-linux-*.so.*"), None) or next(
            self.native.glob("usr/lib/ld-linux-*.so.*")
        )
        found = ":".join(str(folder) for folder in _library_folders(self.native))
        return [str(loader), "--library-path", found, "--argv0", self.name, str(self.binary), *args]

    def env(self) -> dict[str, str]:
        """What to add to the caller's environment: a native program must not read the machine's character tables."""
        if self.native is None:
            return {}
        _, triplet = _ARCHITECTURES[platform.machine()]
        return {"GCONV_PATH": str(self.native / "usr/lib" / triplet / "gconv")}

    @property
    def reads(self) -> list[Path]:
        """The files and folders it must be able to read to run: itself and its libraries."""
        if self.native:
            return [self.native]
        own = self.binary.resolve()
        prefix = [own.parent.parent] if own.parent.name == "bin" and own.parent.parent != Path("/") else []
        return [*_SYSTEM_LIBRARIES, own, *prefix]


def find(name: str, cache_dir: Path) -> Program:
    """The program called `name` (one of NAMES), the machine's if it is recent enough, else the native folder's.

    Raises ProgramMissing, which says what to do.
    """
    binary = _on_machine(name)
    if binary:
        return Program(name, binary)
    for folder in native_folders(cache_dir):
        for place in _FOLDERS:
            if (folder / place / name).is_file():
                return Program(name, folder / place / name, folder)
    raise ProgramMissing(f"{name} is not on this machine: `make setup` obtains it")


def major(program: Program) -> int:
    """The major version that `program` (asterisk, redis-server or sipp) tells, 0 when it tells none."""
    option, _ = _OLDEST[program.name]
    return _major(tuple(program.argv(option)))


def missing(cache_dir: Path) -> list[str]:
    """Those of NAMES that `find` would not find."""
    lacking = []
    for name in NAMES:
        try:
            find(name, cache_dir)
        except ProgramMissing:
            lacking.append(name)
    return lacking


def native_folders(cache_dir: Path) -> list[Path]:
    """The complete native folders of this machine's architecture."""
    architecture, _ = _ARCHITECTURES.get(platform.machine(), ("", ""))
    return sorted(mark.parent for mark in cache_dir.glob(f"native-*-{architecture}/.complete"))


def _on_machine(name: str) -> Path | None:
    """The machine's own program, looked for in $PATH and in the folders an ordinary user's $PATH leaves out."""
    return _recent(name, os.pathsep.join((os.environ.get("PATH", ""), *_SYSTEM_PATH)))


@cache
def _recent(name: str, path: str) -> Path | None:
    """The first `name` on `path`, unless it is older than _OLDEST; asked once in the life of a process."""
    found = shutil.which(name, path=path)
    if found is None:
        return None
    binary = Path(found).absolute()
    option, oldest = _OLDEST.get(name, ("", 0))
    return binary if not option or _major((str(binary), option)) >= oldest else None


@cache
def _major(command: tuple[str, ...]) -> int:
    try:
        told = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = _VERSION.search(told.stdout + told.stderr)
    return int(match.group(1)) if match else 0


@cache
def _library_folders(native: Path) -> tuple[Path, ...]:
    """The folder's library folders; some libraries stand one level down, where alternatives links would point."""
    _, triplet = _ARCHITECTURES[platform.machine()]
    base = native / "usr" / "lib" / triplet
    below = tuple(base / name for name in ("blas", "lapack", "pulseaudio"))
    return (base, *(folder for folder in below if folder.is_dir()), native / "usr" / "lib")
