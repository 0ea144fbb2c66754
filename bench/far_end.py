"""The far end: SIPp answers every call at once and notes when it began and ended; ears, if wanted, hear its packets."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ivr.adapters.carrier.sipp import free_port
from ivr.adapters.pbx import programs
from ivr.settings import Settings

LOG = "calls.log"
REPLY = """\
  <send{retrans}><![CDATA[
SIP/2.0 {line}
[last_Via:]
[last_From:]
[last_To:]{tag}
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port]>
{body}
]]></send>
"""
SDP = """\
Content-Type: application/sdp
Content-Length: [len]

v=0
o=bench 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio {media_port} RTP/AVP 8
a=rtpmap:8 PCMA/8000
a=ptime:20
"""
EMPTY = "Content-Length: 0\n"
NOTE = """\
<action>
      <gettimeofday assign_to="s,us"/>
      <log message="{what};[$s];[$us];[call_id]"/>
    </action>"""


@dataclass(frozen=True)
class Ended:
    """One call that was answered and is over."""

    answered_s: float
    ended_s: float

    @property
    def talk_s(self) -> float:
        """How long it lasted."""
        return self.ended_s - self.answered_s


@dataclass
class FarEnd:
    """A SIPp that takes every call. `live`: calls on the line now, as far as `ended` has read; `invited_s`: when each
    call reached it.
    """

    folder: Path
    sip_port: int
    media_port: int
    live: dict[str, float] = field(default_factory=dict)
    invited_s: list[float] = field(default_factory=list)
    pid: int = 0
    _offset: int = 0
    _ears: subprocess.Popen[bytes] | None = None

    @classmethod
    @contextlib.contextmanager
    def open(cls, folder: Path, listening: bool) -> Iterator[FarEnd]:
        """It takes calls; afterwards it is gone. Without ears a socket stands where the packets arrive, never read."""
        folder.mkdir(parents=True)
        one = cls(folder, free_port(), free_port())
        (folder / "scenario.xml").write_text(scenario(one.media_port), encoding="latin-1")
        with contextlib.ExitStack() as stack:
            if listening:
                one.listen_anew()
                stack.callback(one.heard)
            else:
                sink = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                sink.bind(("127.0.0.1", one.media_port))
            sipp = one._start()
            one.pid = sipp.pid
            stack.callback(_end, sipp)
            yield one

    def ended(self) -> list[Ended]:
        """The calls that have ended since this was last asked."""
        path = self.folder / LOG
        if not path.is_file():
            return []
        with path.open("rb") as file:
            file.seek(self._offset)
            fresh = file.read()
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self._offset += len(whole)
        found = []
        for line in whole.decode("ascii", "replace").splitlines():
            what, seconds, microseconds, call = line.split(";")
            at_s = float(seconds) + float(microseconds) / 1e6
            if what == "INVITE":
                self.invited_s.append(at_s)
            elif what == "ACK":
                self.live.setdefault(call, at_s)
            elif call in self.live:
                found.append(Ended(self.live.pop(call), at_s))
        return found

    def listen_anew(self) -> None:
        """Fresh ears, that have heard nothing yet."""
        command = [sys.executable, str(Path(__file__).with_name("ears.py")), str(self.media_port)]
        self._ears = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._ears.stdout is not None
        assert b"open" in self._ears.stdout.readline()

    def heard(self) -> list[dict[str, float]]:
        """What the ears heard, one entry a stream; they are closed."""
        ears, self._ears = self._ears, None
        if ears is None or ears.poll() is not None:
            return []
        ears.send_signal(signal.SIGTERM)
        text, _ = ears.communicate(timeout=20)
        streams: list[dict[str, float]] = json.loads(text)
        return streams

    def _start(self) -> subprocess.Popen[bytes]:
        program = programs.find("sipp", Settings().cache_dir)
        arguments = ["-sf", "scenario.xml", "-i", "127.0.0.1", "-p", str(self.sip_port), "-nostdin"]
        arguments += ["-trace_logs", "-log_file", LOG, "-trace_err", "-error_file", "errors.log"]
        return subprocess.Popen(
            program.argv(*arguments),
            cwd=self.folder,
            env={**os.environ, **program.env(), "TERM": "dumb"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def scenario(media_port: int) -> str:
    """Answers at once, stays until the caller hangs up."""
    tagged = ";tag=[pid]B[call_number]"
    ringing = REPLY.format(retrans="", line="180 Ringing", tag=tagged, body=EMPTY)
    answer = REPLY.format(retrans=' retrans="500"', line="200 OK", tag=tagged, body=SDP.format(media_port=media_port))
    goodbye = REPLY.format(retrans="", line="200 OK", tag="", body=EMPTY)
    return (
        '<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="bench">\n'
        f'  <recv request="INVITE">{NOTE.format(what="INVITE")}</recv>\n{ringing}{answer}'
        f'  <recv request="ACK">{NOTE.format(what="ACK")}</recv>\n'
        f'  <recv request="BYE">{NOTE.format(what="BYE")}</recv>\n{goodbye}'
        '  <timewait milliseconds="1000"/>\n</scenario>\n'
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(10)
