"""What the doctor says of the way to the carriers."""

import resource
from pathlib import Path
from typing import Any

import pytest

from ivr.adapters.pbx import sip_capture, tls
from ivr.rules.findings import Finding, Weight
from ivr.settings import Pbx, Settings, Trunk
from ivr.usecases import outside
from tests.asterisk.peer import certificates

DAY_S = 86_400
REAL = {"carrier": Trunk(host="sip.example.org")}


def said(found: list[Finding]) -> list[tuple[Weight, bool]]:
    """How much each matters, and whether it says what to do."""
    return [(one.weight, bool(one.do)) for one in found]


@pytest.mark.parametrize(
    ("pbx", "weight", "told"),
    [
        ({}, Weight.NOTE, "cannot answer"),
        ({"bind": "localhost"}, Weight.NOTE, "cannot answer"),
        ({"bind": "10.0.0.4"}, Weight.NOTE, "private address"),
        ({"bind": "10.0.0.4", "external_address": "198.51.100.7"}, Weight.OK, "198.51.100.7"),
        ({"bind": "8.8.8.8"}, Weight.OK, "8.8.8.8"),
        ({"bind": "0.0.0.0"}, Weight.OK, "0.0.0.0"),  # noqa: S104 - not bound
    ],
)
def test_the_address_that_carriers_are_told(tmp_path: Path, pbx: dict[str, Any], weight: Weight, told: str) -> None:
    [found] = outside.ways(Settings(home=tmp_path, pbx=Pbx(**pbx), trunks=REAL))
    assert said([found]) == [(weight, weight is Weight.NOTE)]
    assert told in found.says


def test_the_lab_needs_no_way(tmp_path: Path) -> None:
    assert list(outside.ways(Settings(home=tmp_path, trunks={"lab": Trunk(host="127.0.0.1:5")}))) == []


@pytest.mark.parametrize(
    ("days_left", "weight"), [(20.0, Weight.OK), (13.0, Weight.NOTE), (0.0, Weight.WRONG), (-3.0, Weight.WRONG)]
)
def test_a_certificate_that_ends_is_told_in_time(tmp_path: Path, days_left: float, weight: Weight) -> None:
    certificates(tmp_path)
    trunks = {"carrier": Trunk(host="sip.example.org", transport="tls")}
    settings = Settings(
        home=tmp_path, trunks=trunks, pbx=Pbx(tls_ca="ca.pem", tls_certificate="us.pem", tls_key="us.key")
    )
    expires_s = tls.expires_s(tmp_path / "us.pem")
    assert expires_s is not None
    found = list(outside.certificate(settings, expires_s - days_left * DAY_S))
    assert said(found) == [(weight, weight is not Weight.OK)]
    assert list(outside.certificate(Settings(home=tmp_path, trunks=REAL))) == []


def test_open_files(tmp_path: Path) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert outside.open_files(Settings(home=tmp_path, pbx=Pbx(max_files=256))).weight is Weight.OK
    if hard != resource.RLIM_INFINITY:
        found = outside.open_files(Settings(home=tmp_path, pbx=Pbx(max_files=hard + 1)))
        assert said([found]) == [(Weight.NOTE, True)]


@pytest.mark.parametrize(("size", "weight"), [(1_000_000, Weight.NOTE), (300_000_000, Weight.WRONG)])
def test_a_capture_that_lies_about_is_told(tmp_path: Path, size: int, weight: Weight) -> None:
    settings = Settings(home=tmp_path)
    assert list(outside.capture(settings)) == []
    file = sip_capture.file(settings)
    file.parent.mkdir(parents=True)
    with file.open("wb") as stream:
        stream.truncate(size)
    [found] = outside.capture(settings)
    assert said([found]) == [(weight, True)]
    assert str(file) in found.says
