"""A trunk's settings are checked as a whole, and what is wrong is told by its name."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pydantic import ValidationError

from ivr.adapters.pbx import stir, tls
from ivr.errors import BadSetting
from ivr.rules.numbers import prefixed
from ivr.rules.routes import endpoint, first_host
from ivr.settings import Pbx, Settings, Trunk, load
from ivr.usecases.asking import is_lab

SIGNING = {"attest_key": "key.pem", "attest_certificate_url": "https://certificates.example/ours.pem"}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"other_hosts": "b,a"}, "other_hosts: each host once"),
        ({"other_hosts": "b,c,d,e,f,g,h,i"}, "other_hosts: at most 8"),
        ({"other_hosts": "b c"}, "other_hosts"),
        ({"weights": "1,2"}, "weights: one for each host, here 1"),
        ({"other_hosts": "b", "weights": "0,0"}, "weights: at least one"),
        ({"other_hosts": "b", "weights": "1,-2"}, "weights"),
        ({"codecs": "alaw,alaw"}, "codecs: each codec once"),
        ({"codecs": "opus"}, "codecs"),
        ({"srtp": "required"}, 'srtp: .*transport = "tls"'),
        ({"caller_id": "+33199000001", "allowed_caller_ids": "+33199000000,+3320*"}, "caller_id: .*allowed_caller_ids"),
        ({"allowed_caller_ids": "0199000000"}, "allowed_caller_ids"),
        ({"attest": "D"}, "attest"),
        ({"attest": "A"} | SIGNING, "attest: a call that shows no caller_id"),
        ({"attest": "A", "caller_id": "+33199000000"}, "attest: .*belong together"),
        ({"caller_id": "+33199000000"} | SIGNING, "attest: .*belong together"),
        (
            SIGNING | {"attest": "A", "caller_id": "+331", "attest_certificate_url": "http://a.example/c.pem"},
            "attest_certificate_url",
        ),
        ({"number_prefix": "+1"}, "number_prefix"),
        ({"outbound_proxy": "a;lr"}, "outbound_proxy"),
        ({"from_domain": "a\nb"}, "from_domain"),
    ],
)
def test_what_does_not_fit_together_is_refused_by_name(tmp_path: Path, settings: dict[str, str], told: str) -> None:
    file = tmp_path / "portevoix.toml"
    lines = [f"{name} = '''{value}'''" for name, value in settings.items()]
    file.write_text("\n".join(["[trunks.main]", "host = 'a'", *lines]), encoding="utf-8")
    with pytest.raises(BadSetting, match=rf"setting trunks\.main\.{told}"):
        load(file)


@pytest.mark.parametrize("granted", ["", "+33199000000", "+3320*,+331990*"])
def test_a_granted_caller_id_is_taken(granted: str) -> None:
    Trunk(host="a", caller_id="+33199000000", allowed_caller_ids=granted)
    Trunk(host="a", allowed_caller_ids=granted)


def test_calls_begin_at_each_host_by_its_share_and_always_at_the_same() -> None:
    trunk = Trunk(host="a", other_hosts="b,c", weights="3,1,0")
    attempts = [f"attempt-{number}" for number in range(8000)]
    begun = Counter(first_host(trunk.shares, attempt) for attempt in attempts)
    assert begun.keys() == {0, 1}
    assert 5700 < begun[0] < 6300
    assert all(first_host(trunk.shares, one) == first_host(trunk.shares, one) for one in attempts[:100])
    assert {first_host(Trunk(host="a", other_hosts="b").shares, one) for one in attempts[:100]} == {0}
    assert [trunk.hosts_from(index) for index in range(3)] == [(0, 1, 2), (1, 0, 2), (2, 0, 1)]
    assert [endpoint("main", index) for index in range(2)] == ["main", "main.2"]


@pytest.mark.parametrize(
    ("written", "prefix", "told"),
    [
        ("+33612345678", "", "+33612345678"),
        ("+33612345678", "9#", "+9#33612345678"),
        ("0612345678", "9", "90612345678"),
    ],
)
def test_a_prefix_stands_before_the_digits(written: str, prefix: str, told: str) -> None:
    assert prefixed(written, prefix) == told


@pytest.mark.parametrize(
    ("more", "lab"),
    [
        ({}, True),
        ({"other_hosts": "127.0.0.1:5"}, True),
        ({"other_hosts": "sip.example"}, False),
        ({"outbound_proxy": "sip.example"}, False),
    ],
)
def test_a_trunk_with_any_way_out_is_no_lab(more: dict[str, Any], lab: bool) -> None:
    assert is_lab(Trunk(host="127.0.0.1:4", **more)) is lab


@pytest.mark.parametrize(
    ("pbx", "told"),
    [
        ({"tls_ca": "none.pem"}, "pbx.tls_ca"),
        ({"tls_ca": "junk.pem"}, "pbx.tls_ca"),
        ({"tls_certificate": "junk.pem"}, "both or neither"),
        ({"tls_certificate": "junk.pem", "tls_key": "none.pem"}, "pbx.tls_key"),
        ({"tls_certificate": "junk.pem", "tls_key": "junk.pem"}, "do not belong together"),
    ],
)
def test_files_of_tls_that_cannot_serve_are_refused(tmp_path: Path, pbx: dict[str, str], told: str) -> None:
    (tmp_path / "junk.pem").write_text("no certificate")
    trunks = {"main": Trunk(host="a", transport="tls")}
    with pytest.raises(BadSetting, match=told):
        tls.files(Settings(home=tmp_path, pbx=Pbx(**pbx), trunks=trunks))


def test_without_tls_no_file_is_looked_at(tmp_path: Path) -> None:
    trunks = {"main": Trunk(host="a")}
    assert tls.files(Settings(home=tmp_path, pbx=Pbx(tls_ca="none.pem"), trunks=trunks)) is None


def test_a_secret_is_in_no_refusal() -> None:
    with pytest.raises(ValidationError) as refused:
        Trunk(host="a", password="hush-hush", weights="1,2")
    assert "hush-hush" not in refused.value.errors()[0]["msg"]


def _attesting(folder: Path) -> Settings:
    return Settings(home=folder, trunks={"main": Trunk(host="a", caller_id="+331", attest="A", **SIGNING)})


def test_a_key_that_signs_is_of_p256_and_nobody_elses(tmp_path: Path) -> None:
    def write(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, mode: int) -> None:
        plain = serialization.NoEncryption()
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        (tmp_path / "key.pem").write_bytes(pem)
        (tmp_path / "key.pem").chmod(mode)

    with pytest.raises(BadSetting, match=r"trunks\.main\.attest_key: .*cannot be read"):
        stir.check(_attesting(tmp_path))
    (tmp_path / "key.pem").touch(0o600)
    with pytest.raises(BadSetting, match="holds no private key"):
        stir.check(_attesting(tmp_path))
    write(rsa.generate_private_key(65537, 2048), 0o600)
    with pytest.raises(BadSetting, match="P-256"):
        stir.check(_attesting(tmp_path))
    write(ec.generate_private_key(ec.SECP256R1()), 0o640)
    with pytest.raises(BadSetting, match="chmod 600"):
        stir.check(_attesting(tmp_path))
    (tmp_path / "key.pem").chmod(0o600)
    stir.check(_attesting(tmp_path))
