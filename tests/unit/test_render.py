"""Nothing in a setting becomes a line of Asterisk's configuration, and what cannot be held is refused by its name."""

import re
import stat
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.adapters.pbx import cdr, modules, programs, render, stops
from ivr.errors import BadSetting
from ivr.settings import Pbx, Settings, Trunk

SECRET = "0123456789abcdef"
PORTS = {"sip_port": 15060, "ami_port": 15038, "agi_port": 14573}


@pytest.fixture(autouse=True)
def an_asterisk(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("native")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("t")))
    folder_of_modules = folder / "usr/lib/any/asterisk/modules"
    folder_of_modules.mkdir(parents=True)
    (folder_of_modules / "chan_pjsip.so").touch()
    program = programs.Program("asterisk", folder / "usr/sbin/asterisk", folder)
    monkeypatch.setattr(programs, "find", lambda _name, _cache: program)
    monkeypatch.setattr(programs, "major", lambda _program: 22)


def settings(home: Path, pbx: dict[str, Any] | None = None, **trunk: Any) -> Settings:
    trunks = {"lab": Trunk(**{"host": "127.0.0.1:5070", **trunk})}
    return Settings(home=home, pbx=Pbx(**{**PORTS, **(pbx or {})}), trunks=trunks)


def written(chosen: Settings, name: str) -> str:
    return (render.render(chosen, SECRET).parent / name).read_text()


def test_files_are_private_and_secrets_in_one_place(tmp_path: Path) -> None:
    etc = render.render(settings(tmp_path, username="u", password="hush-hush"), SECRET).parent
    assert stat.S_IMODE(etc.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in etc.glob("*.conf"))
    assert [file.name for file in etc.rglob("*.conf") if SECRET in file.read_text()] == ["manager.conf"]
    assert [file.name for file in etc.rglob("*.conf") if "hush-hush" in file.read_text()] == ["pjsip.conf"]


def test_second_rendering_replaces_the_first(tmp_path: Path) -> None:
    render.render(settings(tmp_path), SECRET)
    assert "host2.example" in written(settings(tmp_path, host="host2.example"), "pjsip.conf")


@pytest.mark.parametrize("password", ["hush\nb", "x\r\ncontext = other", "hush\x00b", " hush", "hush ", "hush\u2028b"])
def test_password_that_is_more_than_a_line_is_refused_without_being_shown(tmp_path: Path, password: str) -> None:
    with pytest.raises(BadSetting, match=r"^setting trunks\.lab\.password: ") as refusal:
        render.render(settings(tmp_path, username="u", password=password), SECRET)
    assert "hush" not in str(refusal.value)


@given(st.text())
def test_a_value_is_one_line_whose_comments_are_escaped(text: str) -> None:
    try:
        value = render.config_value(text)
    except BadSetting:
        return
    assert len(value.splitlines()) <= 1
    assert value.replace("\\;", "").count(";") == 0


@pytest.mark.parametrize(
    ("pbx", "trunk", "name"),
    [
        ({"bind": "127.0.0.1\nx=y"}, {}, "pbx.bind"),
        ({"external_address": "1.2.3.4;x"}, {}, "pbx.external_address"),
        ({"rtp_last": 10000}, {}, "pbx.rtp_last"),
        ({"sip_port": 0}, {}, "ports"),
        ({}, {"username": "a b"}, "trunks.lab.username"),
        ({}, {"register_with": True}, "trunks.lab.username"),
    ],
)
def test_bad_setting_is_refused_by_its_name(
    tmp_path: Path, pbx: dict[str, Any], trunk: dict[str, Any], name: str
) -> None:
    with pytest.raises(BadSetting, match=name):
        render.render(settings(tmp_path, pbx, **trunk), SECRET)


@pytest.mark.parametrize("name", ["a]\n[b", "", "système", "udp", "x" * 33, "-a", "a b"])
def test_trunk_needs_a_plain_name(tmp_path: Path, name: str) -> None:
    chosen = settings(tmp_path).model_copy(update={"trunks": {name: Trunk(host="127.0.0.1")}})
    with pytest.raises(BadSetting, match="setting trunks"):
        render.render(chosen, SECRET)


@pytest.mark.parametrize("folder", ["a,b", "a;b", "a${b}", "a&b"])
def test_folder_that_the_dialplan_would_misread_is_refused(tmp_path: Path, folder: str) -> None:
    with pytest.raises(BadSetting, match="setting var"):
        render.render(settings(tmp_path / folder), SECRET)


def test_short_secret_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="secret"):
        render.render(settings(tmp_path), "short")


@pytest.mark.parametrize(
    ("host", "host_alone"),
    [("sip.example", "sip.example"), ("1.2.3.4:5061", "1.2.3.4"), ("[::1]:5060", "::1"), ("[::1]", "::1")],
)
def test_trunk_is_known_by_its_host(tmp_path: Path, host: str, host_alone: str) -> None:
    text = written(settings(tmp_path, host=host), "pjsip.conf")
    assert f"contact = sip:{host}\n" in text
    assert f"match = {host_alone}\n" in text


def test_trunk_over_tcp_with_registration(tmp_path: Path) -> None:
    text = written(settings(tmp_path, transport="tcp", username="me", password="a;b", register_with=True), "pjsip.conf")
    assert "contact = sip:127.0.0.1:5070\\;transport=tcp\n" in text
    assert "password = a\\;b\n" in text
    assert "client_uri = sip:me@127.0.0.1\n" in text
    assert "protocol = tcp\nbind = 127.0.0.1:15060\n" in text


def test_open_bind_announces_the_external_address(tmp_path: Path) -> None:
    text = written(settings(tmp_path, {"bind": "0.0.0.0", "external_address": "192.0.2.7"}), "pjsip.conf")  # noqa: S104
    assert "external_media_address = 192.0.2.7\n" in text
    assert "media_address = 0.0.0.0" not in text


def test_manager_is_on_loopback_whatever_sip_is(tmp_path: Path) -> None:
    text = written(settings(tmp_path, {"bind": "0.0.0.0"}), "manager.conf")  # noqa: S104
    assert "bindaddr = 127.0.0.1\n" in text
    assert "write = originate,call,reporting\n" in text
    assert "eventfilter(name(Hangup),action(include)) =\n" in text


def test_books_keep_the_last_record_and_skip_a_cut_line(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    assert cdr.read(chosen) == {}
    cdr.file(chosen).parent.mkdir(parents=True)
    cdr.file(chosen).write_text(
        '"a-1","100.000001","","101.5","1.5","0.0","BUSY"\n'
        '"a-2","100.25","102.5","110.0","9.75","7.5","ANSWERED"\n'
        '"a-1","200.0","201.0","202.0","2.0","1.0","ANSWERED"\n'
        '"a-3","300.0","3'
    )
    records = cdr.read(chosen)
    assert records.keys() == {"a-1", "a-2"}
    assert records["a-1"].answered
    assert records["a-2"] == cdr.CdrRecord("a-2", 100250, 102500, 110000, 7500, "ANSWERED")


def test_stops_keep_the_first_instant_and_skip_what_is_no_stop(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    assert stops.read(chosen) == {}
    stops.file(chosen).parent.mkdir(parents=True)
    stops.file(chosen).write_text("a-1 1700000000\na-1 1700000009\n 1700000001\nb/../c 17\nb-2 17000")
    assert stops.read(chosen) == {"a-1": 1700000000, "b-2": 17000}


def test_no_event_that_is_asked_for_is_disabled(tmp_path: Path) -> None:
    (line,) = re.findall(r"^disabledevents = (.+)$", written(settings(tmp_path), "manager.conf"), re.MULTILINE)
    assert set(line.split(",")) == set(modules.DISABLED_EVENTS)
    assert not set(modules.DISABLED_EVENTS) & set(modules.EVENTS)
