"""Debian's headless Chromium: the machine's own, else from its package archive, else the test is skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from ivr import settings as settings_module

Scheme = Literal["light", "dark"]
PACKAGE = "chromium-headless-shell"
NAMES = (PACKAGE, "chromium", "chromium-browser", "google-chrome")
LIMIT_S = 300


@contextmanager
def browser(*options: str) -> Iterator[Browser]:
    """A browser that is gone afterwards. It needs no sandbox: it is shown our own pages alone."""
    binary, libraries = program()
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=binary,
            args=["--no-sandbox", *options],
            env={**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, libraries))} if libraries else None,
            timeout=120_000,
        )
        try:
            yield found
        finally:
            found.close()


def looked_at(page: Page, width: int, scheme: Scheme) -> list[str]:
    """What is wrong with the page as it is seen so."""
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    found = [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in Axe().run(page).response["violations"]]
    across = page.evaluate("document.documentElement.scrollWidth")
    return found + ([f"{across} px across"] if across > width else [])


@cache
def program() -> tuple[Path, tuple[Path, ...]]:
    """The browser and, where it is not the machine's own, the folders of its libraries."""
    for name in NAMES:
        if found := shutil.which(name):
            return Path(found), ()
    tree = settings_module.load().cache_dir / "test-tools" / "chromium"
    binary = tree / "usr/lib/chromium" / PACKAGE
    if not binary.is_file():
        _obtain(tree)
    if not binary.is_file():
        pytest.skip("Chromium is neither on this machine nor in its package archive")
    folders = sorted(folder for folder in (tree / "usr/lib").glob("*-linux-gnu*") if folder.is_dir())
    return binary, tuple(path for folder in folders for path in (folder, folder / "pulseaudio"))


def _obtain(tree: Path) -> None:
    """Unpacked there without root, with the libraries that the machine lacks, whole or not at all."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return
    fresh = tree.with_name(f"chromium-{os.getpid()}")
    (fresh / "debs").mkdir(parents=True)
    try:
        plan = _run(["apt-get", "-s", "install", "--no-install-recommends", PACKAGE, "fonts-dejavu-core"], fresh)
        lacking = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
        _run(["apt-get", "-q", "download", *lacking], fresh / "debs")
        for package in (fresh / "debs").glob("*.deb"):
            _run(["dpkg-deb", "-x", str(package), str(fresh / "tree")], fresh)
        (fresh / "tree").rename(tree)
    except (OSError, subprocess.SubprocessError):
        return
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, timeout=LIMIT_S, check=True, capture_output=True, text=True)
    return done.stdout
