"""Trunks of every kind, as Asterisk reads them and as a carrier meets them."""

from __future__ import annotations

import contextlib
import http.server
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ivr import settings as settings_module
from ivr.adapters.pbx import instance, native, render
from ivr.settings import Pbx, Settings, Trunk
from tests.asterisk.conftest import SECRET, Ami, free_port, wait_for
from tests.asterisk.peer import ACCOUNT, PASSWORD, Peer, running_peer

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]

CALLER_ID = "+33199000000"
LIMIT_S = 40.0


@dataclass(frozen=True)
class Town:
    settings: Settings
    peer: Peer
    ami: Ami

    def cli(self, line: str) -> str:
        return instance.cli(self.settings, line)

    def call(self, number: str, endpoint: str) -> None:
        answer = self.ami.action(
            "Originate", Channel=f"PJSIP/{number}@{endpoint}", Application="Wait", Data="2",
            ChannelId=f"call-{number.strip('+')}", Async="true", Timeout="20000", CallerID=CALLER_ID,
        )  # fmt: skip
        assert answer["Response"] == "Success", answer

    def seen(self, number: str, endpoint: str) -> dict[str, str]:
        """What the carrier saw of a call to that number."""
        self.call(number, endpoint)
        wait_for(lambda: self.peer.seen(number), f"the call to {number}", LIMIT_S)
        return self.peer.seen(number)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    cache = settings_module.load().cache_dir
    native.obtain(cache, print)
    folder = tmp_path_factory.mktemp("us")
    hole = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with hole, running_peer(tmp_path_factory.mktemp("peer"), cache) as peer:
        hole.bind(("127.0.0.1", 0))  # it takes what is sent, and says nothing
        dead = f"127.0.0.1:{hole.getsockname()[1]}"
        with published(peer.folder / "number.pem") as url:
            yield from _town(_settings(folder, cache, peer, dead, url), peer)


@contextlib.contextmanager
def published(certificate: Path) -> Iterator[str]:
    """Where that file can be fetched."""

    class Publisher(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(certificate.read_bytes())

        def log_message(self, *_: object) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Publisher) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/number.pem"
        server.shutdown()


def _settings(folder: os.PathLike[str], cache: os.PathLike[str], peer: Peer, dead: str, url: str) -> Settings:
    secure = {"transport": "tls", "srtp": "required", "caller_id": CALLER_ID}
    attesting = {"host": peer.host, "caller_id": CALLER_ID, "attest": "A", "attest_certificate_url": url}
    trunks = {
        "signed": Trunk(**attesting, attest_key=str(peer.folder / "number.key")),
        "forged": Trunk(**attesting, attest_key=str(peer.folder / "self.key")),
        "plain": Trunk(host=peer.host, codecs="g722,alaw", caller_id=CALLER_ID),
        "account": Trunk(
            host=peer.host, username=ACCOUNT, password=PASSWORD, register_with=True, identity="p_asserted",
            from_domain="carrier.example",
        ),
        "wrong": Trunk(host=peer.host, username=ACCOUNT, password="guessed", register_with=True),
        "secret": Trunk(host=f"127.0.0.1:{peer.tls_port}", **secure),
        "misnamed": Trunk(host=f"127.0.0.3:{peer.tls_port}", **secure),
        "unsigned": Trunk(host=f"127.0.0.4:{peer.tls_port}", **secure),
        "spare": Trunk(host=dead, other_hosts=peer.host, probe_s=1),
        "shared": Trunk(host=peer.host, other_hosts=dead, weights="3,1", probe_s=1),
        "proxied": Trunk(host="192.0.2.1", outbound_proxy=peer.host),
    }  # fmt: skip
    pbx = Pbx(
        sip_port=free_port(socket.SOCK_DGRAM), tls_port=free_port(), ami_port=free_port(), agi_port=free_port(),
        rtp_first=31000, rtp_last=31400, tls_ca=str(peer.folder / "ca.pem"),
        tls_certificate=str(peer.folder / "us.pem"), tls_key=str(peer.folder / "us.key"),
    )  # fmt: skip
    return Settings(home=folder, cache=cache, pbx=pbx, trunks=trunks)


def _town(chosen: Settings, peer: Peer) -> Iterator[Town]:
    render.render(chosen, SECRET)
    argv, extra = instance.command(chosen)
    with (chosen.home / "us.out").open("wb") as out:
        process = subprocess.Popen(argv, env=os.environ | extra, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        instance.wait_booted(chosen)
        with socket.create_connection(("127.0.0.1", chosen.pbx.ami_port)) as link:
            ami = Ami(link)
            assert ami.login()["Response"] == "Success"
            yield Town(chosen, peer, ami)
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(chosen.run_dir)


def test_asterisk_knows_each_trunk_as_it_was_written(town: Town) -> None:
    def shows(endpoint: str) -> dict[str, str]:
        pairs = (line.partition(" : ") for line in town.cli(f"pjsip show endpoint {endpoint}").splitlines())
        return {name.strip(): value.strip() for name, _, value in pairs}

    tls = shows("secret")
    assert (tls["media_encryption"], tls["media_encryption_optimistic"], tls["transport"]) == ("sdes", "false", "tls")
    assert shows("plain")["allow"] == "(g722|alaw)"
    account = shows("account")
    assert (account["send_pai"], account["from_user"], account["from_domain"]) == ("true", ACCOUNT, "carrier.example")
    assert [shows(name)["aors"] for name in ("spare", "spare.2")] == ["spare,spare.2", "spare.2,spare"]
    assert shows("proxied")["outbound_proxy"] == f"sip:{town.peer.host};lr"
    for name in town.settings.trunks:
        assert shows(name)["context"] == "ivr-inbound"


def test_the_number_stands_where_the_carrier_reads_it(town: Town) -> None:
    plain = town.seen("+33999000001", "plain")
    assert f"sip:{CALLER_ID}@" in plain["from"]
    assert plain["asserted"] == ""
    account = town.seen("+33999000002", "account")
    assert account["by"] == ACCOUNT, "it asked for the password and was given it"
    assert f"sip:{ACCOUNT}@carrier.example" in account["from"]
    assert f"sip:{CALLER_ID}@" in account["asserted"]


def test_a_registration_is_taken_with_the_password_and_refused_without(town: Town) -> None:
    def told(name: str) -> str:
        lines = town.cli("pjsip show registrations").splitlines()
        return next((line for line in lines if line.strip().startswith(f"{name}/")), "")

    wait_for(lambda: "Registered" in told("account"), "the registration", LIMIT_S)
    wait_for(lambda: "Rejected" in told("wrong"), "the refusal", LIMIT_S)
    assert f"sip:{ACCOUNT}@127.0.0.1:{town.settings.pbx.sip_port}" in town.peer.cli("pjsip show contacts")


def test_signalling_and_speech_are_encrypted(town: Town) -> None:
    seen = town.seen("+33999000003", "secret")
    assert (seen["tls"], seen["srtp"]) == ("1", "1")


@pytest.mark.parametrize(("trunk", "number"), [("misnamed", "+33999000004"), ("unsigned", "+33999000008")])
def test_a_carrier_that_is_not_who_its_certificate_names_gets_no_call(town: Town, trunk: str, number: str) -> None:
    town.call(number, trunk)
    town.ami.ended(f"call-{number.strip('+')}")
    assert not town.peer.seen(number)


def test_a_carrier_can_verify_who_attests_the_number_shown(town: Town) -> None:
    signed = town.seen("+33999000009", "signed")
    assert (signed["verified"], signed["attested"]) == ("success", "A")
    forged = town.seen("+33999000010", "forged")
    assert (forged["verified"], forged["attested"]) == ("signature_validation", "")
    assert town.seen("+33999000011", "plain")["verified"] == "missing_identity_hdr"


def test_the_next_host_has_the_calls_of_one_that_is_silent(town: Town) -> None:
    wait_for(lambda: "Unavail" in town.cli("pjsip show aor spare"), "the silence being noticed", LIMIT_S)
    wait_for(lambda: "Unavail" in town.cli("pjsip show aor shared.2"), "the silence being noticed", LIMIT_S)
    assert town.seen("+33999000005", "spare")
    assert town.seen("+33999000006", "shared.2"), "also those that began there by its weight"


def test_a_proxy_is_asked_in_the_carriers_place(town: Town) -> None:
    assert town.seen("+33999000007", "proxied")
