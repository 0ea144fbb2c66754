"""A capture of what Asterisk and the carriers say to each other in SIP (res_pjsip_logger), and reading it (dpkt).

Asterisk writes what it sent and received itself: of TLS too, without root, and without the speech.
"""

from __future__ import annotations

import contextlib
import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import dpkt

from ivr.adapters.pbx import instance
from ivr.adapters.pbx.render import state_dir
from ivr.rules.sip_ladder import SipMessage
from ivr.settings import Settings

MOST_BYTES = 200_000_000
"""A capture ends there: at 100 calls a second it is about four minutes."""
_LOOK_S = 0.5
_USER = re.compile(r"sips?:([^@;>]*)@", re.IGNORECASE)
_AUDIO = re.compile(r"^m=audio .*$", re.MULTILINE)
_CODEC = re.compile(r"^a=rtpmap:\d+ (?!telephone-event)(\S+)", re.MULTILINE)
_DIRECTION = re.compile(r"^a=(sendrecv|sendonly|recvonly|inactive)", re.MULTILINE)


def file(settings: Settings) -> Path:
    """Where the last capture is; it holds whole numbers, and is for its owner only."""
    return state_dir(settings) / "log" / "sip.pcap"


def capture(settings: Settings, seconds: float, told: Callable[[float], None]) -> Path:
    """What was said in SIP for that long is in `file` afterwards, in place of the capture before.

    told: called about twice a second with the seconds left. Ends at MOST_BYTES and at an interruption too.
    Raises NotReady when Asterisk is not up.
    """
    with capturing(settings) as path:
        limit = time.monotonic() + seconds
        while (left_s := limit - time.monotonic()) > 0 and not _is_full(path):
            told(left_s)
            time.sleep(min(_LOOK_S, left_s))
        told(0)
    return path


def _is_full(path: Path) -> bool:
    return path.exists() and path.stat().st_size >= MOST_BYTES


@contextlib.contextmanager
def capturing(settings: Settings) -> Iterator[Path]:
    """While it lasts Asterisk writes its SIP to `file`, anew, and not into its log."""
    path = file(settings)
    path.unlink(missing_ok=True)
    for line in ("on", "verbose off", f"pcap {path}"):
        instance.cli(settings, f"pjsip set logger {line}")
    try:
        yield path
    finally:
        stop(settings)


def stop(settings: Settings) -> None:
    """No capture runs, whoever began it."""
    instance.cli(settings, "pjsip set logger off")


def read(path: Path) -> list[SipMessage]:
    """The capture's messages in their order; what is cut off at its end, or is no SIP, is left out."""
    try:
        with path.open("rb") as stream:
            return [message for message in map(_message, _packets(stream)) if message]
    except FileNotFoundError:
        return []


def _packets(stream: BinaryIO) -> Iterator[tuple[float, bytes]]:
    with contextlib.suppress(dpkt.dpkt.Error, ValueError):  # not a capture, or one still being written
        yield from dpkt.pcap.Reader(stream)


def _message(packet: tuple[float, bytes]) -> SipMessage | None:
    at_s, raw = packet
    try:
        ip = dpkt.ethernet.Ethernet(raw).data
        text = bytes(ip.data.data)
        sip = dpkt.sip.Response(text) if text.startswith(b"SIP/2.0") else dpkt.sip.Request(text)
        return SipMessage(
            at_ms=round(at_s * 1000),
            sent=_is_sent(ip),
            peer=_peer(ip),
            call_id=_one(sip.headers, "call-id", "i"),
            line=_line(sip),
            callee=_user(getattr(sip, "uri", "") or _one(sip.headers, "to", "t")),
            media=_media(sip.body),
        )
    except (dpkt.dpkt.Error, AttributeError, ValueError, OSError, IndexError):
        return None  # whatever a stranger sends must not end the reading


def _is_sent(ip: Any) -> bool:
    return int(ip.data.sport) == 0  # Asterisk leaves its own address out


def _peer(ip: Any) -> str:
    address, port = (ip.dst, ip.data.dport) if _is_sent(ip) else (ip.src, ip.data.sport)
    if len(address) == 4:
        return f"{socket.inet_ntop(socket.AF_INET, address)}:{port}"
    return f"[{socket.inet_ntop(socket.AF_INET6, address)}]:{port}"


def _user(uri: str) -> str:
    found = _USER.search(uri)
    return found[1] if found else ""


def _line(sip: Any) -> str:
    if isinstance(sip, dpkt.sip.Request):
        return str(sip.method)
    return f"{sip.status} {sip.reason} ({_one(sip.headers, 'cseq').rpartition(' ')[2]})"


def _media(body: bytes) -> str:
    """The codecs that an SDP offers or takes, in its order, and the direction of the sound."""
    text = body.decode("utf-8", "replace")
    if not _AUDIO.search(text):
        return ""
    direction = _DIRECTION.search(text)
    return f"{' '.join(_CODEC.findall(text)) or _AUDIO.findall(text)[0]} {direction[1] if direction else 'sendrecv'}"


def _one(headers: Mapping[str, str | list[str]], *names: str) -> str:
    """The first value of a header, under its long or its compact name."""
    value = next((headers[name] for name in names if name in headers), "")
    return value if isinstance(value, str) else value[0]
