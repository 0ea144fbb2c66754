"""docs/deploy.md: its settings can be read, its services, profiles, units and files exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ivr.settings import HOME, load
from tests import compose

TEXT = (HOME / "docs" / "deploy.md").read_text(encoding="utf-8")
SHELL = "\n".join(re.findall(r"```sh\n(.*?)```", TEXT, re.S))
TOML = re.findall(r"```toml\n(.*?)```", TEXT, re.S)


@pytest.mark.parametrize("number", range(len(TOML)))
def test_its_settings_can_be_read(tmp_path: Path, number: int) -> None:
    file = tmp_path / "portevoix.toml"
    file.write_text(TOML[number], encoding="utf-8")
    settings = load(file)
    assert settings.trunks
    assert 0 not in {settings.pbx.sip_port, settings.pbx.ami_port, settings.pbx.agi_port}
    assert not settings.lab.enabled or 0 not in {settings.lab.sip_port, settings.lab.media_port}


def test_the_services_it_names_exist() -> None:
    named = re.findall(r"docker compose (?:exec(?: -T)?|stop) (\w+)", SHELL) + re.findall(r"--scale\s+(\w+)=", TEXT)
    assert len(named) >= 5
    assert set(named) <= set(compose.services())
    profiles = {name for value in re.findall(r"COMPOSE_PROFILES=([\w,]+)", TEXT) for name in value.split(",")}
    assert profiles == {name for one in compose.services().values() for name in one["profiles"]}


def test_the_units_and_files_it_names_exist() -> None:
    units = set(re.findall(r"portevoix[\w@-]*\.(?:service|target|timer)", TEXT))
    assert len(units) >= 4
    assert all((HOME / "asterisk" / "systemd" / unit).is_file() for unit in units)
    for name in re.findall(r"asterisk/[\w./-]+", TEXT):
        assert (HOME / name.rstrip("./")).exists(), name
    targets = set(re.findall(r"\bmake ([a-z-]+)", SHELL))
    assert targets == {"setup"}
    assert "PORTEVOIX_SHARED" in compose.FILE.read_text(encoding="utf-8")
    assert "PORTEVOIX_BACKUPS" in compose.FILE.read_text(encoding="utf-8")
