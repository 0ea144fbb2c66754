"""docker-compose.yml as it is read, and each of its services as it can be started without Docker."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from ivr.settings import HOME

FILE = HOME / "docker-compose.yml"
PROGRAMS = {"python": Path(sys.executable), "ivr": Path(sys.executable).with_name("ivr")}
"""What the image's PATH finds first."""


@cache
def read() -> dict[str, Any]:
    """The file, with its anchors and merges resolved."""
    return dict(YAML(typ="safe").load(FILE))


def services() -> dict[str, dict[str, Any]]:
    return dict(read()["services"])


def ours() -> dict[str, dict[str, Any]]:
    """The services that run our image."""
    return {name: service for name, service in services().items() if "build" in service}


@dataclass(frozen=True)
class Started:
    """Where what a container would see is: its paths on the left, ours on the right."""

    places: Mapping[str, Path]
    log: Path

    def popen(self, service: Mapping[str, Any], words: list[str]) -> subprocess.Popen[bytes]:
        """These words, as that service would start them: its environment and nothing of ours."""
        command = [str(PROGRAMS.get(words[0], words[0])), *words[1:]]
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONUNBUFFERED": "1"}
        environment |= {name: self.here(value) for name, value in service["environment"].items()}
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command, env=environment, cwd=self.log.parent, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def run(self, service: Mapping[str, Any], words: list[str], limit_s: float = 120.0) -> int:
        """The exit code of those words."""
        with self.popen(service, words) as process:
            return process.wait(limit_s)

    def here(self, value: str) -> str:
        """The value with a container's path as ours."""
        place = next((place for place in self.places if value == place or value.startswith(f"{place}/")), None)
        return value if place is None else f"{self.places[place]}{value.removeprefix(place)}"
