"""Prometheus and promtool: the machine's own, else from its package archive, else the test is skipped."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from ivr import settings as settings_module

LIMIT_S = 120


@cache
def program(name: str) -> str:
    """The path of `prometheus` or `promtool`."""
    if found := shutil.which(name):
        return found
    folder = settings_module.load().cache_dir / "test-tools"
    binary = folder / "prometheus" / "usr/bin" / name
    if not binary.is_file():
        _obtain(folder)
    if not binary.is_file():
        pytest.skip(f"{name} is neither on this machine nor in its package archive")
    return str(binary)


def _obtain(folder: Path) -> None:
    """Unpacked there without root, whole or not at all; nothing happens where there is no apt."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return
    fresh = folder / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        subprocess.run(["apt-get", "download", "-q", "prometheus"], cwd=fresh, timeout=LIMIT_S, capture_output=True)
        for package in fresh.glob("prometheus_*.deb"):
            subprocess.run(["dpkg-deb", "-x", package, fresh / "tree"], timeout=LIMIT_S, check=True)
            shutil.rmtree(folder / "prometheus", ignore_errors=True)
            (fresh / "tree").rename(folder / "prometheus")
    except (OSError, subprocess.SubprocessError):
        return
