"""A second Asterisk in the carrier's place: it asks for a password, speaks TLS and SRTP, and tells what it saw."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ivr.adapters.pbx import instance, render
from ivr.settings import Pbx, Settings, Trunk
from tests.asterisk.conftest import SECRET, free_port

TN_AUTH_LIST, SERVICE_PROVIDER = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.26"), b"0\x08\xa0\x06\x16\x04099Z"
"""RFC 8226: the extension, and a list of one service provider code."""
ACCOUNT, PASSWORD = "account", "of-the-tests-only"
MODULES = (
    "res_pjproject", "res_sorcery_config", "res_sorcery_memory", "res_sorcery_astdb", "res_pjsip", "res_pjsip_session",
    "res_pjsip_sdp_rtp", "res_rtp_asterisk", "res_srtp", "res_pjsip_pubsub", "chan_pjsip", "res_pjsip_caller_id",
    "res_pjsip_endpoint_identifier_ip", "res_pjsip_endpoint_identifier_user", "res_pjsip_authenticator_digest",
    "res_pjsip_registrar", "res_pjsip_header_funcs", "res_timing_timerfd", "codec_alaw", "codec_ulaw", "codec_g722",
    "app_verbose", "func_channel", "func_callerid", "pbx_config", "res_curl", "res_stir_shaken",
    "res_pjsip_stir_shaken", "func_strings", "func_logic",
)  # fmt: skip
PJSIP = """
[global]
type = global
endpoint_identifier_order = username,ip

[udp]
type = transport
protocol = udp
bind = 127.0.0.1:{sip_port}

[tls]
type = transport
protocol = tls
bind = 127.0.0.1:{tls_port}
method = tlsv1_2
cert_file = {folder}/peer.pem
priv_key_file = {folder}/peer.key

[misnamed](tls)
type = transport
bind = 127.0.0.3:{tls_port}

[unsigned](tls)
type = transport
bind = 127.0.0.4:{tls_port}
cert_file = {folder}/self.pem
priv_key_file = {folder}/self.key

[anyone](!)
type = endpoint
context = seen
disallow = all
allow = g722,alaw,ulaw
media_encryption = sdes
media_encryption_optimistic = yes
trust_id_inbound = yes
stir_shaken_profile = suspicious

[passers](anyone)

[passers]
type = identify
endpoint = passers
match = 127.0.0.1

[account](anyone)
auth = account
aors = account

[account]
type = aor
max_contacts = 4

[account]
type = auth
auth_type = userpass
username = account
password = of-the-tests-only
"""
STIR_SHAKEN = """
[attestation]
global_disable = yes

[verification]
ca_file = {folder}/ca.pem
cert_cache_dir = {folder}
relax_x5u_port_scheme_restrictions = yes
x5u_permit = 127.0.0.1

[suspicious]
type = profile
endpoint_behavior = verify
failure_action = continue
"""
SEEN = (
    "SEEN ${EXTEN} number=${CALLERID(num)} from=${PJSIP_HEADER(read,From)} "
    "asserted=${PJSIP_HEADER(read,P-Asserted-Identity)} by=${CHANNEL(endpoint)} "
    "tls=${CHANNEL(pjsip,secure)} srtp=${CHANNEL(rtp,secure,audio)} "
    "identities=${STIR_SHAKEN(count)} verified=${STIR_SHAKEN(0,verify_result)} attested=${STIR_SHAKEN(0,attestation)}"
)
EXTENSIONS = f"""
[seen]
exten => _[+0-9]!,1,Answer()
 same => n,Log(NOTICE,{SEEN})
 same => n,Wait(1)
"""


@dataclass(frozen=True)
class Peer:
    """The carrier: `host` for UDP, `tls_host` for TLS."""

    settings: Settings
    folder: Path

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.settings.pbx.sip_port}"

    @property
    def tls_port(self) -> int:
        return self.settings.pbx.tls_port

    def cli(self, line: str) -> str:
        return instance.cli(self.settings, line)

    def seen(self, number: str) -> dict[str, str]:
        """What it wrote down of the call to that number; empty before it came."""
        text = (self.settings.log_dir / "asterisk.log").read_text(errors="replace")
        line = re.search(rf"SEEN {re.escape(number)} (.*)", text)
        return dict(re.findall(r"(\w+)=(.*?)(?= \w+=|$)", line[1])) if line else {}


@contextlib.contextmanager
def running_peer(folder: Path, cache: Path) -> Iterator[Peer]:
    pbx = Pbx(
        sip_port=free_port(socket.SOCK_DGRAM), tls_port=free_port(), ami_port=free_port(), agi_port=free_port(),
        rtp_first=30000, rtp_last=30400,
    )  # fmt: skip
    chosen = Settings(home=folder, cache=cache, pbx=pbx, trunks={"us": Trunk(host="127.0.0.1")})
    etc = render.render(chosen, SECRET).parent
    certificates(folder)
    (etc / "pjsip.conf").write_text(PJSIP.format(sip_port=pbx.sip_port, tls_port=pbx.tls_port, folder=folder))
    (etc / "extensions.conf").write_text(EXTENSIONS)
    (etc / "stir_shaken.conf").write_text(STIR_SHAKEN.format(folder=folder))
    (etc / "modules.conf").write_text("[modules]\nautoload = no\n" + "".join(f"load = {name}.so\n" for name in MODULES))
    argv, extra = instance.command(chosen)
    with (folder / "peer.out").open("wb") as out:
        process = subprocess.Popen(argv, env=os.environ | extra, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            instance.wait_booted(chosen)
            yield Peer(chosen, folder)
        finally:
            process.kill()
            process.wait()
            shutil.rmtree(chosen.run_dir)


def certificates(folder: Path) -> None:
    """ca.pem is an authority's; peer.* and us.* are of 127.0.0.1 and signed by it; self.* of 127.0.0.4, by itself.

    number.* is signed by the authority too, and is a service provider's: it may sign calls (SHAKEN).
    """
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca = _signed("authority", ca_key, "authority", ca_key, authority=True)
    (folder / "ca.pem").write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    for name in ("peer", "us", "self", "number"):
        key = ec.generate_private_key(ec.SECP256R1())
        by, by_key = ("self", key) if name == "self" else ("authority", ca_key)
        certificate = _signed(name, key, by, by_key, authority=False)
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (folder / f"{name}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        (folder / f"{name}.key").chmod(0o600)


def _signed(
    name: str, key: ec.EllipticCurvePrivateKey, by: str, by_key: ec.EllipticCurvePrivateKey, *, authority: bool
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    subject, issuer = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in (name, by))
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days=1))
    builder = builder.not_valid_after(now + datetime.timedelta(days=30))
    builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    if name == "number":
        builder = builder.add_extension(x509.UnrecognizedExtension(TN_AUTH_LIST, SERVICE_PROVIDER), critical=False)
    known_as = "127.0.0.4" if name == "self" else "127.0.0.1"
    address = x509.IPAddress(ipaddress.ip_address(known_as))
    return builder.add_extension(x509.SubjectAlternativeName([address]), critical=False).sign(by_key, hashes.SHA256())
