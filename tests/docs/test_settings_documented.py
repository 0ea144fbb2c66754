import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr.doors.cli.settings_command import as_markdown, rows_of, settings_command
from ivr.settings import load

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    for variable in [name for name in os.environ if name.upper().startswith("IVR_")]:
        monkeypatch.delenv(variable)
    monkeypatch.chdir(tmp_path)


def test_the_page_of_settings_is_up_to_date() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == as_markdown(), "run: .venv/bin/ivr settings --markdown > docs/settings.md"


def test_every_setting_has_a_unit_and_says_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "portevoix.toml").write_text("[trunks.main]\nhost = '127.0.0.1'")
    for row in rows_of(load()):
        assert row.description, f"{row.name} has no description in ivr/settings.py"
        assert row.unit
        assert row.name.rpartition(".")[2] in as_markdown()


def test_sources_and_masks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "portevoix.toml").write_text(
        "[pbx]\nami_port = 5039\n[trunks.main]\nhost = 'h'\npassword = 'hush'\n"
        "[database]\nurl = 'postgresql://me:hush@db/x?sslpassword=hush'\n[redis]\nurl = 'redis://:hush@r'"
    )
    monkeypatch.setenv("IVR_PBX__SIP_PORT", "5070")
    monkeypatch.setenv("IVR_CALLS", '{"grace_s": 2}')
    rows = {row.name: row for row in rows_of(load())}
    named = ("pbx.ami_port", "pbx.sip_port", "calls.grace_s", "calls.max_repeats", "trunks.main.host", "lab.enabled")
    assert [rows[name].source for name in named] == ["file", "env", "env", "default", "file", "default"]
    assert rows["calls.grace_s"].value == "2.0"
    for as_printed in ([], ["--json"]):
        result = CliRunner().invoke(settings_command, as_printed)
        assert result.exit_code == 0, result.output
        assert "hush" not in result.output
        assert "postgresql://me:********@db/x" in result.output
        assert "pbx.sip_port" in result.output


def test_json_is_json() -> None:
    rows = json.loads(CliRunner().invoke(settings_command, ["--json"]).output)
    assert {"name", "variable", "unit", "default", "value", "source", "description"} == set(rows[0])
