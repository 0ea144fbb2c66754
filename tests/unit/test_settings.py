from pathlib import Path

import pytest

from ivr.errors import BadSetting
from ivr.settings import load


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    for variable in [name for name in os.environ if name.upper().startswith("IVR_")]:
        monkeypatch.delenv(variable)
    monkeypatch.chdir(tmp_path)


def settings_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "portevoix.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("colour = 1", "colour"),
        ("[pbx]\ncolour = 1", "pbx.colour"),
        ("[trunks.main]\nhost = 'a'\ncolour = 1", "trunks.main.colour"),
        ("[trunks.main]\nrate_cps = 1", "trunks.main.host"),
        ("[trunks.main]\nhost = 'a'\nrate_cps = 0", "trunks.main.rate_cps"),
        ("[trunks.main]\nhost = 'a b'", "trunks.main.host"),
        ("[pbx]\nsip_port = 65536", "pbx.sip_port"),
        ("[pbx]\nsip_port = -1", "pbx.sip_port"),
        ("[pbx]\nsip_port = 'sip'", "pbx.sip_port"),
        ("[calls]\nring_timeout_s = 'long'", "calls.ring_timeout_s"),
        ("language = 'de'", "language"),
        ("pbx = 3", "pbx"),
        ("= 3", "portevoix.toml"),
    ],
)
def test_a_bad_setting_in_the_file_is_refused_by_name(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(BadSetting) as refused:
        load(settings_file(tmp_path, text))
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("IVR_COLOUR", "1", "IVR_COLOUR"),
        ("IVR_PBX__COLOUR", "1", "IVR_PBX__COLOUR"),
        ("IVR_PBX__SIP_PORT", "sip", "pbx.sip_port"),
        ("IVR_PBX__SIP_PORT", "70000", "pbx.sip_port"),
        ("IVR_LANGUAGE", "de", "language"),
        ("IVR_TRUNKS__MAIN__COLOUR", "1", "trunks.main.colour"),
    ],
)
def test_a_bad_setting_in_the_environment_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, named: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(BadSetting) as refused:
        load()
    assert named in str(refused.value)


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = settings_file(tmp_path, "language = 'en'\n[pbx]\nsip_port = 5070\nami_port = 5071")
    monkeypatch.setenv("IVR_PBX__SIP_PORT", "5080")
    settings = load(path)
    assert (settings.language, settings.pbx.sip_port, settings.pbx.ami_port) == ("en", 5080, 5071)
    assert settings.var_dir == tmp_path / "var"


def test_a_settings_file_that_is_named_must_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadSetting, match="does not exist"):
        load(tmp_path / "none.toml")
    monkeypatch.setenv("IVR_CONFIG", str(tmp_path / "none.toml"))
    with pytest.raises(BadSetting, match="does not exist"):
        load()


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert load().pbx.sip_port == 5060
