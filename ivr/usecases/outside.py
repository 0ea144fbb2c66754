"""The way to the carriers: addresses, translation, certificates, open files. Looked at, nothing is changed."""

from __future__ import annotations

import ipaddress
import resource
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from ivr.adapters.pbx import sip_capture, tls
from ivr.rules.findings import Finding, note, ok, wrong
from ivr.settings import Settings
from ivr.usecases.asking import is_lab

SOON_S = 14 * 86_400
_LATE_BYTES = 20_000_000
"""A capture is ended by a look twice a second: it may be larger by what was said between two."""


def ways(settings: Settings) -> Iterator[Finding]:
    """Whether carriers can reach the address that is announced to them; nothing where there are none."""
    carriers = [name for name, trunk in settings.trunks.items() if not is_lab(trunk)]
    if not carriers:
        return
    pbx, named = settings.pbx, ", ".join(sorted(carriers))
    if not _is(pbx.bind, "is_loopback"):
        hidden = _is(pbx.bind, "is_private") and not _is(pbx.bind, "is_unspecified")
        if hidden and not pbx.external_address:
            says = f"pbx.bind {pbx.bind} is a private address, and pbx.external_address is empty"
            yield note("ways", says, f"behind NAT name the public address, or {named} sends its speech into nothing")
        else:
            yield ok("ways", f"SIP and RTP listen on {pbx.external_address or pbx.bind} for {named}")
        return
    yield note(
        "ways", f"SIP and RTP listen on {pbx.bind}: {named} cannot answer", "set pbx.bind to a reachable address"
    )


def certificate(settings: Settings, now_s: float | None = None) -> Iterator[Finding]:
    """Whether the files of TLS serve, and how long yet; nothing where no trunk uses it. Raises BadSetting."""
    files = tls.files(settings)
    if files is None:
        return
    expires_s = tls.expires_s(files.certificate) if files.certificate else None
    if expires_s is None:
        yield ok("certificate", f"carriers are known by {files.ca}; we show none")
        return
    left_s = expires_s - (time.time() if now_s is None else now_s)
    says = f"{files.certificate} is valid until {datetime.fromtimestamp(expires_s, UTC):%Y-%m-%d %H:%M} UTC"
    do = "put a new one, and its key, in their places; then `ivr down`, `ivr up`"
    if left_s <= 0:
        yield wrong("certificate", f"{says}, which is over: carriers that ask for it refuse us", do)
    elif left_s < SOON_S:
        yield note("certificate", f"{says}, which is soon", do)
    else:
        yield ok("certificate", says)


def capture(settings: Settings) -> Iterator[Finding]:
    """Whether a SIP capture lies about: it holds whole numbers. Nothing where there is none."""
    file = sip_capture.file(settings)
    if not file.exists():
        return
    says = f"{file} ({file.stat().st_size / 1e6:.0f} MB) holds the numbers of the calls in it"
    if file.stat().st_size > sip_capture.MOST_BYTES + _LATE_BYTES:
        yield wrong("capture", f"{says}, and nobody ended it", "`ivr pbx capture --off`")
    else:
        yield note("capture", says, "`ivr pbx capture --delete` when it has served")


def open_files(settings: Settings) -> Finding:
    """Whether the system lets Asterisk have as many open files as it asks for."""
    most, wanted = resource.getrlimit(resource.RLIMIT_NOFILE)[1], settings.pbx.max_files
    if most == resource.RLIM_INFINITY or most >= wanted:
        return ok("open-files", f"{wanted} may be opened")
    says = f"the system lets a process open {most} files, Asterisk asks for {wanted} (pbx.max_files)"
    return note(
        "open-files", says, f"raise the hard limit (`ulimit -Hn`, LimitNOFILE) to {wanted}, or lower pbx.max_files"
    )


def _is(address: str, what: str) -> bool:
    """Whether the address is of that kind; a name is of none."""
    try:
        return bool(getattr(ipaddress.ip_address(address.strip("[]")), what))
    except ValueError:
        return what == "is_loopback" and address == "localhost"
