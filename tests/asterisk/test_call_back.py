"""People call the number that was shown, on a real Asterisk: what they hear, and that a 9 stops the calls."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ivr.adapters.pbx import programs
from ivr.rules.calling_back import Prompt, name_of
from ivr.rules.suppression import PLATFORM
from ivr.settings import load
from ivr.usecases import rights
from tests.asterisk.conftest import HERE, INFO, Ear, pause
from tests.crowd import listener
from tests.stack import SETTINGS, Stack, running_stack, wait_for

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]

LINE = "+33199000000"
CUT_MS = 1000
"""A prompt is recognised by its second second: before it packets may be lost while a port is learned."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("call-back"), text=SETTINGS + "callbacks = true\n") as up:
        up.finished(up.start("shown", [listener(*up.new_numbers(1)[0])]))
        yield up


@dataclass
class Caller:
    """Somebody who called, and what they heard."""

    stack: Stack
    ear: Ear
    process: subprocess.Popen[bytes]

    def heard(self, prompt: Prompt) -> bool:
        sound = (self.stack.settings.sounds_dir / f"{name_of(prompt, 'fr')}.alaw").read_bytes()
        return sound[8 * CUT_MS : 16 * CUT_MS] in self.ear.heard()

    def hears(self, prompt: Prompt) -> None:
        wait_for(lambda: self.heard(prompt), f"the prompt {prompt}", 60)


@contextlib.contextmanager
def calling(
    stack: Stack, folder: Path, caller: str, keys: str, called: str = LINE, between_ms: int = 500
) -> Iterator[Caller]:
    """Calls, and presses the keys from four seconds after the answer on."""
    port, ear = load(stack.settings.resolved_file).pbx.sip_port, Ear()
    then = pause(4000) + pause(between_ms).join(
        INFO.replace("{key}", key).replace("{number}", str(number)) for number, key in enumerate(keys, 2)
    )
    then = then.replace("INFO [$contact]", f"INFO sip:{called}@127.0.0.1:[remote_port]")
    then = then.replace("From:[$to];tag=[pid]S[call_number]", "[last_From:]").replace("To:[$from]", "[last_To:]")
    text = (HERE / "caller.xml").read_text().replace("@THEN@", then).replace("@MEDIA@", str(ear.port))
    (folder / "caller.xml").write_text(text.replace("@CALLER@", caller).replace("@CALLED@", called))
    sipp = programs.find("sipp", stack.settings.cache_dir)
    argv = sipp.argv("-sf", str(folder / "caller.xml"), "-i", "127.0.0.1", "-m", "1", "-nostdin", f"127.0.0.1:{port}")
    with (folder / "sipp.out").open("wb") as out:
        process = subprocess.Popen(
            argv, env=os.environ | sipp.env(), cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
    try:
        yield Caller(stack, ear, process)
    finally:
        process.kill()
        process.wait()
        ear.socket.close()


def scopes(stack: Stack, number: str) -> set[str]:
    return {one.scope for one in stack.store.suppressions.of_number(number)}


def test_a_caller_hears_who_calls_and_stops_it(stack: Stack, tmp_path: Path) -> None:
    sponsor = stack.store.campaigns.all()[0].sponsor_id
    with calling(stack, tmp_path, "+33612345601", "9") as caller:
        caller.hears(Prompt.STOPPED)
        assert caller.heard(Prompt.HELLO)
        assert scopes(stack, "+33612345601") == {f"sponsor:{sponsor}"}
        assert caller.process.wait(30) == 0, "we hung up"
    wait_for(lambda: [one.stopped for one in stack.store.callbacks.sums()] == [1], "the count")


def test_a_hidden_number_is_keyed_in(stack: Stack, tmp_path: Path) -> None:
    with calling(stack, tmp_path, "anonymous", "90612345602#") as caller:
        caller.hears(Prompt.STOPPED)
    assert scopes(stack, "+33612345602")


def test_a_request_is_recorded_for_the_desk(stack: Stack, tmp_path: Path) -> None:
    with calling(stack, tmp_path, "+33612345603", "3#", between_ms=10_000) as caller:
        caller.hears(Prompt.RECORD)
        caller.ear.speak(3.0)
        caller.hears(Prompt.RECORDED)
    [(case, _)] = rights.all_cases(stack.store)
    [recording] = (stack.settings.shared_dir / "requests").glob("*.wav")
    assert str(recording) in str(case.asked)
    assert recording.stat().st_size > 8_000, "half a second of it"


def test_a_number_that_nobody_calls_from_stops_everybody(stack: Stack, tmp_path: Path) -> None:
    with calling(stack, tmp_path, "+33612345604", "9", called="+33199000009") as caller:
        caller.hears(Prompt.NEVER)
    assert scopes(stack, "+33612345604") == {PLATFORM}


def test_without_the_script_the_dialplan_takes_the_9(stack: Stack, tmp_path: Path) -> None:
    stack.end("agi")
    try:
        with calling(stack, tmp_path, "+33612345605", "9") as caller:
            caller.hears(Prompt.NEVER)
    finally:
        stack.begin("agi")
    wait_for(lambda: scopes(stack, "+33612345605") == {PLATFORM}, "the stop", 20)
