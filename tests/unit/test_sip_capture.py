"""A SIP capture as Asterisk writes it, and whatever else may be in the file."""

from __future__ import annotations

import io
import socket
from pathlib import Path

import dpkt
from hypothesis import given
from hypothesis import strategies as st

from ivr.adapters.pbx import sip_capture
from ivr.rules.sip_ladder import SipMessage, of_call

NUMBER = "+33612345678"
AT_S = 1_795_629_882.0
SDP = b"""v=0\r
m=audio 30000 RTP/AVP 8 101\r
a=rtpmap:8 PCMA/8000\r
a=rtpmap:101 telephone-event/8000\r
a=sendonly\r
"""
INVITE = b"""INVITE sip:0612345678@carrier.example SIP/2.0\r
Call-ID: one\r
CSeq: 1 INVITE\r
Content-Type: application/sdp\r
Content-Length: %d\r
\r
%s""" % (len(SDP), SDP)
RINGING = b"SIP/2.0 180 Ringing\r\ni: one\r\nt: <sip:0612345678@carrier.example>\r\nCSeq: 1 INVITE\r\n\r\n"
OTHERS = b"INVITE sip:+33612345679@carrier.example SIP/2.0\r\nCall-ID: two\r\nCSeq: 1 INVITE\r\n\r\n"


def packet(payload: bytes, sent: bool) -> bytes:
    ours, theirs = (socket.inet_aton("0.0.0.0"), 0), (socket.inet_aton("192.0.2.7"), 5060)  # noqa: S104
    (src, sport), (dst, dport) = (ours, theirs) if sent else (theirs, ours)
    udp = dpkt.udp.UDP(sport=sport, dport=dport, data=payload, ulen=8 + len(payload))
    ip = dpkt.ip.IP(src=src, dst=dst, p=dpkt.ip.IP_PROTO_UDP, data=udp, len=28 + len(payload))
    return bytes(dpkt.ethernet.Ethernet(src=b"\0" * 6, dst=b"\0" * 6, type=dpkt.ethernet.ETH_TYPE_IP, data=ip))


def written(folder: Path, *packets: tuple[bytes, bool, float]) -> Path:
    stream = io.BytesIO()
    writer = dpkt.pcap.Writer(stream)
    for payload, sent, at_s in packets:
        writer.writepkt(packet(payload, sent), ts=at_s)
    path = folder / "sip.pcap"
    path.write_bytes(stream.getvalue())
    return path


def test_who_said_what_to_whom(tmp_path: Path) -> None:
    path = written(tmp_path, (INVITE, True, AT_S), (RINGING, False, AT_S + 0.25))
    invite, ringing = sip_capture.read(path)
    assert invite == SipMessage(
        1_795_629_882_000, True, "192.0.2.7:5060", "one", "INVITE", "0612345678", "PCMA/8000 sendonly"
    )
    assert (ringing.at_ms - invite.at_ms, ringing.sent, ringing.line) == (250, False, "180 Ringing (INVITE)")


def test_the_ladder_of_a_call_has_its_messages_alone(tmp_path: Path) -> None:
    later = INVITE.replace(b"Call-ID: one", b"Call-ID: again")
    path = written(
        tmp_path, (INVITE, True, AT_S), (OTHERS, True, AT_S), (RINGING, False, AT_S + 1), (later, True, AT_S + 3600)
    )
    ladder = of_call(sip_capture.read(path), NUMBER, round(AT_S * 1000) - 5)
    assert [one.line for one in ladder] == ["INVITE", "180 Ringing (INVITE)"]
    assert {one.call_id for one in ladder} == {"one"}
    assert of_call(sip_capture.read(path), "+33612345670", round(AT_S * 1000)) == []


@given(st.lists(st.binary(max_size=80)), st.binary(max_size=400))
def test_whatever_a_stranger_sends_ends_nothing(tmp_path_factory, payloads: list[bytes], tail: bytes) -> None:  # type: ignore[no-untyped-def]
    heads = [b"SIP/2.0 ", b"INVITE sip:", INVITE[:90]]
    folder = tmp_path_factory.mktemp("strange")
    strange = [(heads[i % 3] + payload, bool(i % 2), AT_S) for i, payload in enumerate(payloads)]
    path = written(folder, *strange, (RINGING, False, AT_S))
    assert sip_capture.read(path)[-1].line == "180 Ringing (INVITE)"
    path.write_bytes(path.read_bytes() + tail)
    assert len(sip_capture.read(path)) >= 1


def test_no_capture_and_no_pcap_are_no_messages(tmp_path: Path) -> None:
    assert sip_capture.read(tmp_path / "none") == []
    (tmp_path / "text").write_text("not a capture")
    assert sip_capture.read(tmp_path / "text") == []
