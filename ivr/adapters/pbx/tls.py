"""The files by which SIP over TLS knows the carrier, and the carrier us."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from ivr.errors import BadSetting
from ivr.settings import Settings

MACHINE_CA = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """ca: of the authorities; certificate and key: ours, None where the carrier asks for none."""

    ca: Path
    certificate: Path | None = None
    key: Path | None = None


def files(settings: Settings) -> TlsFiles | None:
    """The files that Asterisk is to read; None when no trunk uses TLS.

    Raises BadSetting naming the setting whose file is not there, cannot be read or is not what it should be.
    """
    if all(trunk.transport != "tls" for trunk in settings.trunks.values()):
        return None
    pbx = settings.pbx
    ca = _readable("pbx.tls_ca", settings.file(pbx.tls_ca) if pbx.tls_ca else MACHINE_CA)
    _authorities(ca)
    if bool(pbx.tls_certificate) != bool(pbx.tls_key):
        raise BadSetting("settings pbx.tls_certificate and pbx.tls_key: both or neither")
    if not pbx.tls_certificate:
        return TlsFiles(ca)
    certificate = _readable("pbx.tls_certificate", settings.file(pbx.tls_certificate))
    key = _readable("pbx.tls_key", settings.file(pbx.tls_key))
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password=lambda: b"")
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", None) or "it wants a password"
        raise BadSetting(f"settings pbx.tls_certificate and pbx.tls_key do not belong together: {reason}") from None
    return TlsFiles(ca, certificate, key)


def expires_s(certificate: Path) -> float | None:
    """When the file's first certificate expires, Unix seconds; None when it cannot be read."""
    try:
        return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc.timestamp()
    except (OSError, ValueError):
        return None


def _readable(setting: str, file: Path) -> Path:
    if not file.is_file() or not os.access(file, os.R_OK):
        cure = "install ca-certificates or name a file" if file == MACHINE_CA else "give the path of a PEM file"
        raise BadSetting(f"setting {setting}: {file} cannot be read; {cure}")
    return file


def _authorities(ca: Path) -> None:
    try:
        ssl.create_default_context(cafile=str(ca))
    except (ssl.SSLError, ValueError):
        raise BadSetting(f"setting pbx.tls_ca: {ca} holds no certificate in PEM form") from None
