"""HTTPS without anybody's help (X.509, by cryptography): an own authority, and a server's certificate it signed."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ivr.adapters.files import kept_secret, write_whole
from ivr.errors import Permanent

AUTHORITY_DAYS, SERVER_DAYS, RENEWED_DAYS = 3650, 397, 30
"""Browsers refuse a server's certificate of more than 398 days."""


def own_certificate(folder: Path, host: str) -> tuple[Path, Path]:
    """Files of a certificate for `host` and of its key, made at first use and before they end.

    `folder`/authority.pem is what browsers are told to trust; it stays the same for ten years.
    """
    authority_key, authority = _authority(folder)
    certificate, key_file = folder / f"{_safe(host)}.pem", folder / f"{_safe(host)}.key"
    key = _key(key_file)
    if not certificate.is_file() or _ends_soon(certificate):
        made = _server(host, key, authority, authority_key)
        write_whole(certificate, made.public_bytes(serialization.Encoding.PEM))
    return certificate, key_file


def _authority(folder: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key, file = _key(folder / "authority.key"), folder / "authority.pem"
    if not file.is_file():
        name = _name("Portevoix (this installation)")
        made = _begun(name, name, key, AUTHORITY_DAYS)
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        write_whole(file, made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return key, x509.load_pem_x509_certificate(file.read_bytes())


def _server(
    host: str, key: ec.EllipticCurvePrivateKey, authority: x509.Certificate, authority_key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    made = _begun(_name(host), authority.subject, key, SERVER_DAYS)
    made = made.add_extension(x509.SubjectAlternativeName(_names(host)), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    return made.add_extension(signer, critical=False).sign(authority_key, hashes.SHA256())


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=days))
    return made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)


def _names(host: str) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [x509.DNSName("localhost")]
    try:
        return [*names, x509.IPAddress(ipaddress.ip_address(host))]
    except ValueError:
        return [*names, x509.DNSName(host)] if host != "localhost" else names


def _key(file: Path) -> ec.EllipticCurvePrivateKey:
    def make() -> bytes:
        return ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    key = serialization.load_pem_private_key(kept_secret(file, make), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise Permanent(f"{file} is no key that was made here: move it away, and one is made anew")
    return key


def _ends_soon(file: Path) -> bool:
    ends = x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc
    return ends < datetime.now(UTC) + timedelta(days=RENEWED_DAYS)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _safe(host: str) -> str:
    return "".join(char if char.isalnum() or char in ".-" else "_" for char in host)
