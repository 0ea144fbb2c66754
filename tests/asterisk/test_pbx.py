"""Our Asterisk as others meet it: what it loads, what it opens, what its manager allows, what it writes down."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from ivr.adapters.pbx import cdr, channelvars, instance, modules, render, stops
from ivr.errors import NotReady
from tests.asterisk.conftest import SECRET, Ami, Callee, RunningPbx, running_pbx, wait_for

pytestmark = pytest.mark.asterisk


def test_boots_without_a_complaint(pbx: RunningPbx) -> None:
    log = (pbx.settings.log_dir / "asterisk.log").read_text()
    boot = "\n".join(line for line in log.splitlines() if "[C-" not in line)
    assert not re.search(r"WARNING|ERROR", boot), boot
    loaded = pbx.cli("module show")
    for name in set(modules.to_load({"alaw"})) - modules.ONLY_IN_SOME:
        assert f"{name}.so" in loaded
    assert "chan_iax2" not in loaded
    assert "res_pjsip_endpoint_identifier_anonymous" not in loaded


def test_every_directory_is_ours_and_private(pbx: RunningPbx) -> None:
    state = render.state_dir(pbx.settings)
    told = pbx.cli("core show settings")
    for line in told.partition("* Directories")[2].splitlines():
        name, _, place = (part.strip() for part in line.partition(":"))
        if place and name not in {"Module directory", "Data directory"}:
            assert place.startswith((str(state), str(pbx.settings.run_dir))), line
    for file in (state / "etc").rglob("*"):
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file
    for folder in (state, pbx.settings.run_dir):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((pbx.settings.run_dir / "asterisk.ctl").stat().st_mode) & 0o077 == 0


def test_only_the_expected_ports_on_loopback(pbx: RunningPbx) -> None:
    sockets = listening(pbx.process.pid)
    assert [seen for seen in sockets if seen[0].startswith("tcp")] == [("tcp", "127.0.0.1", pbx.settings.pbx.ami_port)]
    others = [seen for seen in sockets if not seen[0].startswith("tcp")]
    others.remove(("udp", "127.0.0.1", pbx.settings.pbx.sip_port))
    # PJSIP's own DNS client keeps one socket of each family on a port of the system's choice; it serves nobody
    assert len({kind for kind, _, _ in others}) == len(others) <= 2, others


def listening(pid: int) -> list[tuple[str, str, int]]:
    """(protocol, address, port) of each listening or unconnected internet socket of a process."""
    inodes = {os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir() if link.exists() or link.is_symlink()}
    found = []
    for kind, state in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        for line in Path(f"/proc/{pid}/net/{kind}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == state and f"socket:[{fields[9]}]" in inodes:
                address, _, port = fields[1].partition(":")
                found.append(
                    (
                        kind,
                        socket.inet_ntoa(bytes.fromhex(address)[::-1]) if len(address) == 8 else address,
                        int(port, 16),
                    )
                )
    return found


def test_stranger_and_trunk_cannot_call_in(pbx: RunningPbx) -> None:
    """No INVITE from loopback, which is the address of a trunk here, gets further than a refusal."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        line.settimeout(5)
        port = line.getsockname()[1]
        for number in ("+33999000002", "s", "17", "ivr-message", "*9"):
            line.sendto(
                invite(number, port, pbx.settings.pbx.sip_port).encode(), ("127.0.0.1", pbx.settings.pbx.sip_port)
            )
            statuses = [line.recv(4096).decode().split()[1]]
            while statuses[-1] == "100":
                statuses.append(line.recv(4096).decode().split()[1])
            assert statuses[-1] in {"403", "404"}, (number, statuses)
    assert "+33999000002" not in (pbx.settings.log_dir / "asterisk.log").read_text()


def invite(number: str, port: int, to_port: int) -> str:
    sdp = "v=0\r\no=x 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n"
    head = [
        f"INVITE sip:{number}@127.0.0.1:{to_port} SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{number}",
        f"From: <sip:x@127.0.0.1:{port}>;tag=1{number.strip('+*')}",
        f"To: <sip:{number}@127.0.0.1:{to_port}>",
        f"Call-ID: in-{number}",
        "CSeq: 1 INVITE",
        f"Contact: <sip:x@127.0.0.1:{port}>",
        "Max-Forwards: 70",
        "Content-Type: application/sdp",
        f"Content-Length: {len(sdp)}",
    ]
    return "\r\n".join(head) + "\r\n\r\n" + sdp


def test_manager_allows_what_the_controller_needs(ami: Ami, callee: Callee, pbx: RunningPbx) -> None:
    assert ami.action("Ping")["Response"] == "Success"
    wait_for(lambda: ami.of("FullyBooted"), "FullyBooted")
    assert ami.action("CoreShowChannels")["Response"] == "Success"
    pbx.cli(f"database put {channelvars.STOP_FAMILY} kept-1 1700000000")
    assert ami.action("DBGetTree", Family=channelvars.STOP_FAMILY)["Response"] == "Success"
    wait_for(lambda: ami.of("DBGetTreeResponse", Key=f"/{channelvars.STOP_FAMILY}/kept-1"), "the stored stop")
    forget = ami.action("Setvar", Variable=f"DB_DELETE({channelvars.STOP_FAMILY}/kept-1)", Value="1")
    assert forget["Response"] == "Success"
    assert "kept-1" not in pbx.cli(f"database show {channelvars.STOP_FAMILY}")
    callee()
    ami.call("allowed-1")
    wait_for(lambda: ami.of("OriginateResponse", Uniqueid="allowed-1", Response="Success"), "OriginateResponse")
    channel = ami.of("OriginateResponse", Uniqueid="allowed-1")[0]["Channel"]
    assert ami.action("Hangup", Channel=channel, Cause="16")["Response"] == "Success"
    assert ami.ended("allowed-1")["Cause"] == "16"


def test_manager_refuses_the_rest(ami: Ami) -> None:
    refused = {
        "Command": {"Command": "core show version"},
        "GetConfig": {"Filename": "manager.conf"},
        "UpdateConfig": {"SrcFilename": "manager.conf", "DstFilename": "manager.conf"},
        "ModuleLoad": {"LoadType": "reload"},
        "Reload": {},
        "DBPut": {"Family": "x", "Key": "y", "Val": "z"},
        "DBDelTree": {"Family": channelvars.STOP_FAMILY},
        "AGI": {"Channel": "x", "Command": "x"},
    }
    for name, headers in refused.items():
        assert ami.action(name, **headers)["Response"] == "Error", name
    for application in ("System", "TrySystem", "EAGI"):
        answer = ami.action("Originate", Channel="PJSIP/1@lab", Application=application, Data="true", Async="true")
        assert answer["Response"] == "Error", application


def test_manager_cannot_write_or_read_files(ami: Ami, pbx: RunningPbx, tmp_path: Path) -> None:
    """FILE() is there for the dialplan; through the manager it must stay out of reach."""
    target = tmp_path / "written"
    ami.action("Setvar", Variable=f"FILE({target})", Value="x")
    assert not target.exists()
    secret = render.state_dir(pbx.settings) / "etc" / "manager.conf"
    assert SECRET not in str(ami.action("Getvar", Variable=f"FILE({secret},0,500)"))


def test_manager_sends_only_the_events_asked_for(ami: Ami, callee: Callee) -> None:
    callee()
    ami.call("events-1")
    ami.ended("events-1")
    wait_for(lambda: ami.of("OriginateResponse", Uniqueid="events-1"), "OriginateResponse")
    assert {seen.get("Event") for seen in ami.events} <= set(modules.EVENTS)


@pytest.mark.parametrize(("user", "secret"), [("ivr", "wrong"), ("admin", "admin")])
def test_manager_refuses_strangers(pbx: RunningPbx, user: str, secret: str) -> None:
    with socket.create_connection(("127.0.0.1", pbx.settings.pbx.ami_port)) as link:
        assert Ami(link).login(user, secret)["Response"] == "Error"


def test_every_call_is_in_the_books(ami: Ami, callee: Callee, pbx: RunningPbx) -> None:
    """Also one that nobody took: the record says so, and when it began."""
    ami.call("books-none", ring_ms=500)  # nobody listens on the carrier's port
    ami.ended("books-none")
    callee()
    ami.call("books-1")
    ami.ended("books-1")
    wait_for(lambda: {"books-1", "books-none"} <= cdr.read(pbx.settings).keys(), "the records")
    taken, refused = (cdr.read(pbx.settings)[name] for name in ("books-1", "books-none"))
    assert taken.answered
    assert 1500 <= taken.talked_ms <= 2500  # pre-roll, notice and grace time
    assert taken.started_at_ms <= taken.answered_at_ms < taken.ended_at_ms
    assert not refused.answered
    assert refused.answered_at_ms == refused.talked_ms == 0
    assert "33999000001" not in (pbx.settings.log_dir / "asterisk.log").read_text()
    assert "33999000001" not in cdr.file(pbx.settings).read_text()


def test_stop_and_books_outlive_a_killed_asterisk(tmp_path: Path) -> None:
    """Killed in the very second of the key 9, Asterisk loses it from its database but not from the file."""
    with running_pbx(tmp_path) as running:
        assert instance.is_up(running.settings)
        with socket.create_connection(("127.0.0.1", running.settings.pbx.ami_port)) as link:
            ami = Ami(link)
            ami.login()
            ami.call("killed-1", ring_ms=300)  # nobody listens on the carrier's port
            ami.ended("killed-1")
            wait_for(lambda: "killed-1" in cdr.read(running.settings), "the record")
            nine = "Local/9@ivr-fallback/n"
            ami.action(
                "Originate", Channel=nine, Application="Wait", Data="5", Async="true", Variable="IVR_ATTEMPT=kept-1"
            )
            wait_for(lambda: ami.of("IvrStop", Attempt="kept-1"), "the stop")
        running.process.send_signal(signal.SIGKILL)
        running.process.wait()
        assert "killed-1" in cdr.read(running.settings)
        assert stops.read(running.settings).keys() == {"kept-1"}
        assert not instance.is_up(running.settings)
        with pytest.raises(NotReady):
            instance.wait_booted(running.settings, 0.2)
        argv, extra = instance.command(running.settings)
        running.process = subprocess.Popen(argv, env=os.environ | extra)
        instance.wait_booted(running.settings)  # a stale socket and pid file are no obstacle


def test_ten_questions_on_the_console_at_once(pbx: RunningPbx) -> None:
    """The control socket serves several at a time: status pages and doctors ask together."""
    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(pbx.cli("core show uptime"))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 10
    assert all("uptime" in answer for answer in answers)
