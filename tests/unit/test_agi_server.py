"""The AGI server among probes, floods and failing scripts."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ivr.adapters.agi import AgiServer, AgiSession, answers
from ivr.errors import CallEnded, PortInUse
from tests.unit.fakes.agi import Call, Scripted, serving, until

ROOT = Path(__file__).resolve().parents[2]


def one_play(session: AgiSession) -> int:
    return session.play("/s/a").endpos_samples


def a_call_works(scripted: Scripted) -> bool:
    with scripted.call() as call:
        call.expect("STREAM FILE", "200 result=0 endpos=8000")
        return bool(scripted.result() == 8000) and call.hear() == ""


def test_f1_a_probe_that_connects_and_closes_disturbs_nobody() -> None:
    with serving(one_play) as scripted:
        for _ in range(50):
            Call(scripted.server.port, None).close()
        assert a_call_works(scripted)
        assert scripted.server.live_calls == 0


def test_f1_a_probe_that_says_nothing_is_left_in_time_and_is_no_call() -> None:
    with serving(one_play, request_timeout_s=0.3) as scripted, scripted.call(None) as probe:
        assert a_call_works(scripted)
        assert scripted.server.live_calls == 0
        began = time.monotonic()
        assert probe.hear() == ""
        assert time.monotonic() - began < 2


def test_f1_a_probe_that_drips_is_left_in_time() -> None:
    with serving(one_play, request_timeout_s=0.3) as scripted, scripted.call(None) as probe:
        began = time.monotonic()
        while not left(probe):
            assert time.monotonic() - began < 5


def left(probe: Call) -> bool:
    """Whether the server has left a peer that sends one byte more."""
    try:
        probe.send(b"a")
        time.sleep(0.02)
    except OSError:
        return True
    return False


@pytest.mark.parametrize(
    "garbage",
    [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\n", b"\x16\x03\x01\x00\n", b"x" * 70_000, b"agi_a: b\n" * 201,
     b"agi_a: " + b"b" * 60_000 + b"\nagi_b: " + b"b" * 60_000 + b"\n"],
)  # fmt: skip
def test_f4_garbage_is_left_at_once(garbage: bytes) -> None:
    with serving(one_play, request_timeout_s=30) as scripted, scripted.call(None) as probe:
        probe.send(garbage)
        assert probe.hear() == ""
        assert a_call_works(scripted)


def test_an_unknown_route_leaves_the_call_to_the_dialplan(caplog: pytest.LogCaptureFixture) -> None:
    with serving(one_play) as scripted:
        with scripted.call("nowhere/33612345678") as call:
            assert (call.hear(), call.hear()) == ("failure", "")
        assert a_call_works(scripted)
    assert "no call script for route 'nowhere/[number]'" in caplog.text


def test_the_health_route_answers_and_is_no_call(caplog: pytest.LogCaptureFixture) -> None:
    with serving(one_play) as scripted:
        assert answers(scripted.server.port, 2.0) is True
        assert scripted.server.live_calls == 0
        assert a_call_works(scripted)
        port = scripted.server.port
    assert not caplog.records
    assert answers(port, 0.2) is None


def test_a_server_that_accepts_and_says_nothing_is_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as hung:
        assert answers(hung.getsockname()[1], 0.1) is False


def test_a_script_that_ends_with_the_call_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    def script(session: AgiSession) -> None:
        session.wait_for_digit(1)

    with serving(script) as scripted, scripted.call() as call:
        call.expect("WAIT FOR DIGIT", "200 result=-1", "HANGUP")
        assert isinstance(scripted.result(), CallEnded)
        assert call.hear() == ""
    assert not caplog.records


def test_beyond_max_calls_the_dialplan_speaks() -> None:
    with serving(one_play, max_calls=2) as scripted:
        with scripted.call() as first, scripted.call() as second:
            first.expect("STREAM FILE")
            second.expect("STREAM FILE")
            assert scripted.server.live_calls == 2
            with scripted.call() as third:
                assert (third.hear(), third.hear()) == ("failure", "")
            first.say("200 result=0 endpos=1")
            second.say("200 result=0 endpos=2")
            assert {scripted.result(), scripted.result()} == {1, 2}
        until(lambda: scripted.server.live_calls == 0)
        assert a_call_works(scripted)


def test_silent_connections_cannot_take_the_place_of_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ivr.adapters.agi.server.SPARE_CONNECTIONS", 3)
    with serving(one_play, max_calls=1, request_timeout_s=0.5) as scripted:
        silent = [scripted.call(None) for _ in range(3)]
        assert a_call_works(scripted)
        for probe in silent:
            probe.close()


def test_200_calls_at_once_each_get_their_own_answers() -> None:
    together = threading.Barrier(200, timeout=20)

    def script(session: AgiSession) -> tuple[str, str, int]:
        together.wait()
        heard = session.play("/s/a")
        return session.arguments[0], session.get_variable("OWN"), heard.endpos_samples

    def talk(number: int) -> None:
        with scripted.call("test", [str(number)]) as call:
            call.expect("STREAM FILE", f"200 result=0 endpos={number}")
            call.expect("GET VARIABLE", f"200 result=1 ({number})")
            assert call.hear() == ""

    with serving(script) as scripted, ThreadPoolExecutor(200) as pool:
        list(pool.map(talk, range(200)))
        assert {scripted.result() for _ in range(200)} == {(str(n), str(n), n) for n in range(200)}
        until(lambda: scripted.server.live_calls == 0)


def threads() -> set[int]:
    return {thread.ident or 0 for thread in threading.enumerate() if thread.name == "agi"}


def test_calls_one_after_another_make_no_threads() -> None:
    def script(session: AgiSession) -> int:
        session.play("/s/a")
        return threading.get_ident()

    with serving(script) as scripted:
        used = set()
        for _ in range(40):
            with scripted.call() as call:
                call.expect("STREAM FILE", "200 result=0 endpos=8000")
                used.add(scripted.result())
        assert len(used) <= 10
    until(lambda: not threads())


def test_after_a_crowd_only_some_threads_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ivr.adapters.agi.acceptors.SPARE", 4)
    with serving(one_play) as scripted, contextlib.ExitStack() as calls:
        crowd = [calls.enter_context(scripted.call()) for _ in range(40)]
        for call in crowd:
            call.expect("STREAM FILE")
        until(lambda: len(threads()) == 41)
        for call in crowd:
            call.say("200 result=0 endpos=1")
        until(lambda: len(threads()) == 4)
    until(lambda: not threads())


def test_without_a_file_descriptor_left_a_call_waits_for_one(caplog: pytest.LogCaptureFixture) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with serving(one_play) as scripted, socket.socket() as call:
        call.settimeout(10)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (call.fileno() + 1, hard))
            call.connect(("127.0.0.1", scripted.server.port))
            until(lambda: "could not be accepted" in caplog.text)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        call.sendall(b"agi_network: yes\nagi_network_script: test\n\n")
        assert call.recv(100).startswith(b"STREAM FILE")


def test_without_room_for_a_thread_a_call_waits_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(one_play) as scripted, scripted.call() as first, monkeypatch.context() as patched:
        first.expect("STREAM FILE")
        until(lambda: len(threads()) == 2)  # the first call's, and the one that waits
        patched.setattr(threading.Thread, "start", no_room)
        with scripted.call() as second, scripted.call() as third:
            second.expect("STREAM FILE", "200 result=0 endpos=2")
            third.expect("STREAM FILE", "200 result=0 endpos=3")
            first.say("200 result=0 endpos=1")
            assert {scripted.result() for _ in range(3)} == {1, 2, 3}


def no_room(_thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_shutdown_waits_for_the_calls_and_takes_no_new_one() -> None:
    scripted = Scripted(one_play)
    with scripted.call() as call, ThreadPoolExecutor(1) as pool:
        call.expect("STREAM FILE")
        port = scripted.server.port
        ending = pool.submit(scripted.server.shutdown, 10)
        until(lambda: answers(port, 2.0) is None)
        assert not ending.done()
        call.say("200 result=0 endpos=8000")
        assert scripted.result() == 8000
        assert ending.result(5) == 0


def test_shutdown_cuts_what_does_not_end_and_the_script_learns_it() -> None:
    scripted = Scripted(lambda session: session.play("/s/a"))
    with scripted.call() as call:
        call.expect("STREAM FILE")
        assert scripted.server.shutdown(0.1) == 1
        assert scripted.result().endpos_known is False
        assert scripted.server.live_calls == 0
        assert call.hear() == ""


def test_shutdown_before_serving_does_not_hang() -> None:
    server = AgiServer("127.0.0.1", 0, {})
    assert server.shutdown() == 0
    server.start()
    assert answers(server.port, 2.0) is None


def test_a_taken_port_is_said() -> None:
    with serving(one_play) as scripted, pytest.raises(PortInUse, match=r"127\.0\.0\.1"):
        AgiServer("127.0.0.1", scripted.server.port, {})


def test_no_folder_of_ours_hides_pyst2() -> None:
    code = (
        "import sys, asterisk, asterisk.agi; print(asterisk.__file__); print(asterisk.agi.__file__); print(sys.path[0])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.count("site-packages") == 2
    found = [
        path for folder in ("agi", "dialplans", "asterisk", "audio") for path in (ROOT / folder).rglob("__init__.py")
    ]
    assert not found
    assert not list((ROOT / "asterisk").glob("*.py"))
    assert not (ROOT / "asterisk.py").exists()


def test_importing_the_adapters_warns_of_nothing() -> None:
    code = "import ivr.adapters.ami, ivr.adapters.agi, asyncio; asyncio.run(asyncio.sleep(0))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
