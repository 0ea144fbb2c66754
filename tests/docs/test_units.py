"""The units of asterisk/systemd: what the compose file starts, for machines without containers."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ivr.settings import HOME
from tests import compose

UNITS = HOME / "asterisk" / "systemd"
COMMON = UNITS / "portevoix-.service.d" / "50-common.conf"
PLACE = "/opt/portevoix"
ONLY_IN_CONTAINERS = {"node", "carrier"}
"""A namespace, and the lab, for which `ivr up` is there."""
MOST_EXPOSED = 20
"""Tenths of the points of `systemd-analyze security`; 92 is a unit of which nothing is said."""

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not on this machine")


def unit_of(service: str) -> tuple[Path, str]:
    """The unit of that service of the compose file, and its instance."""
    if service in {"originate", "record"}:
        return UNITS / "portevoix-worker@.service", service
    return UNITS / f"portevoix-{service}.service", ""


def value_of(text: str, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", text, re.M)


@pytest.mark.parametrize("service", sorted(set(compose.ours()) - ONLY_IN_CONTAINERS))
def test_a_unit_starts_what_the_service_starts(service: str) -> None:
    path, instance = unit_of(service)
    [started] = value_of(path.read_text(encoding="utf-8"), "ExecStart")
    words = shlex.split(started.replace("%i", instance))
    assert words[0].startswith(f"{PLACE}/.venv/bin/")
    assert [Path(words[0]).name, *words[1:]] == compose.ours()[service]["command"]


def test_units_and_services_have_the_same_environment() -> None:
    told = dict(value.split("=", 1) for value in value_of(COMMON.read_text(encoding="utf-8"), "Environment"))
    assert told.pop("PYTHONUNBUFFERED") == "1"  # of the image
    assert all(one["environment"] == told for one in compose.ours().values())
    text = unit_of("backup")[0].read_text(encoding="utf-8")
    more = dict(value.strip('"').split("=", 1) for value in value_of(text, "Environment"))
    of_service = compose.services()["backup"]["environment"]
    assert {name for name in of_service if name not in told} == set(more)
    assert of_service["BACKUP_DATABASE"] == more["BACKUP_DATABASE"]


@pytest.mark.parametrize(("target", "profile"), [("portevoix", "one"), ("portevoix-node", "node")])
def test_a_target_wants_what_the_profile_starts(target: str, profile: str) -> None:
    text = (UNITS / f"{target}.target").read_text(encoding="utf-8")
    wanted = {name for line in value_of(text, "Wants") for name in line.split()}
    services = {name for name, one in compose.ours().items() if profile in one["profiles"]}
    services -= ONLY_IN_CONTAINERS | {"setup"}  # which every unit requires
    units = {path.name.replace("@", f"@{instance}") for path, instance in map(unit_of, services)}
    assert wanted - {"portevoix-backup.timer"} == units


@needs_systemd
def test_systemd_understands_every_unit(tmp_path: Path) -> None:
    units = here(tmp_path)
    told = subprocess.run(
        ["systemd-analyze", "verify", *units], env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:"}, capture_output=True, text=True
    )
    assert (told.returncode, told.stderr) == (0, "")


@needs_systemd
def test_no_unit_is_more_exposed_than_it_must(tmp_path: Path) -> None:
    services = [path for path in here(tmp_path) if path.suffix == ".service"]
    told = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSED}", *services],
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:"}, capture_output=True, text=True,
    )  # fmt: skip
    if "unrecognized option" in told.stderr:
        pytest.skip("this systemd judges no unit that it has not loaded")
    assert told.returncode == 0, told.stdout[-3000:] + told.stderr


def here(folder: Path) -> list[Path]:
    """The units in that folder, naming programs that are on this machine, instances in place of templates."""
    shutil.copytree(COMMON.parent, folder / COMMON.parent.name)
    found = []
    for path in UNITS.glob("portevoix*.*"):
        if path.is_file():
            text = path.read_text(encoding="utf-8").replace(f"{PLACE}/.venv/bin", str(Path(sys.executable).parent))
            text = text.replace(f"={PLACE}/asterisk", f"={HOME}/asterisk")
            found.append(folder / path.name.replace("@", "@record"))
            found[-1].write_text(text, encoding="utf-8")
            (folder / path.name).write_text(text, encoding="utf-8")
    return found
