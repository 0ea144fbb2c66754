"""The message context on a real Asterisk: whatever becomes of the call script, the person hears the notice."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from ivr.adapters.pbx import channelvars, stops
from tests.asterisk.conftest import Ami, Callee, RunningPbx

pytestmark = pytest.mark.asterisk

WHOLE = [("preroll", "begin"), ("preroll", "end"), ("notice", "begin"), ("notice", "end")]
CONFIRMED = [("confirmation", "begin"), ("confirmation", "end")]
LONG_GRACE_S, LONG_AFTER_MS = "8", 3000
"""A key in the grace time: well after the notice and well before the end, on a slow machine too."""


class FakeScript:
    """A FastAGI server that follows `lines`, then drops the connection; `die`: in the middle of the last.

    The answer to the last line is not waited for, as the call scripts do.
    """

    def __init__(self, port: int, lines: list[str], die: bool) -> None:
        self.listener = socket.create_server(("127.0.0.1", port))
        self.lines, self.die, self.environment = lines, die, ""
        self.answers: list[str] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        link, _ = self.listener.accept()
        with link, link.makefile("rw", encoding="utf-8", newline="\n") as stream:
            while (line := stream.readline()).strip():
                self.environment += line
            for number, command in enumerate(self.lines):
                stream.write(command + "\n")
                stream.flush()
                if number < len(self.lines) - 1:
                    self.answers.append(stream.readline())
                elif self.die:
                    threading.Event().wait(0.3)  # dies in the middle of what it plays


Script = Callable[..., FakeScript]


@pytest.fixture
def script(pbx: RunningPbx) -> Iterator[Script]:
    """Starts call scripts, given their lines, at the port where Asterisk asks for them."""
    started: list[FakeScript] = []

    def start(lines: list[str], die: bool = False) -> FakeScript:
        started.append(FakeScript(pbx.settings.pbx.agi_port, lines, die))
        return started[-1]

    yield start
    for server in started:
        server.listener.close()


def entering(segment: str, began: str = "", played: str = "") -> str:
    """What a script says before each segment."""
    return f'SET VARIABLE "ARRAY(IVR_SEGMENT,IVR_BEGAN,IVR_PLAYED)" "{segment},{began},{played}"'


def test_no_script_preroll_and_notice_are_heard(ami: Ami, callee: Callee) -> None:
    ear = callee()
    ami.call("down-1")
    ami.ended("down-1")
    (told,) = ami.of("IvrFallback", Attempt="down-1")
    assert (told["Segment"], told["Reason"]) == ("", "agi")
    assert ami.plays("down-1") == WHOLE
    assert abs(ear.heard_ms - 1200) <= 60


def test_script_that_ends_well_is_not_spoken_over(ami: Ami, callee: Callee, script: Script) -> None:
    server = script([entering("after", "17", "notice.800.16"), 'SET VARIABLE "IVR_RESULT" "done"'])
    callee()
    ami.call("done-1")
    ami.ended("done-1")
    assert server.answers == ["200 result=1\n"]
    assert not ami.of("IvrFallback", Attempt="done-1")
    assert ami.plays("done-1") == []
    for number, value in enumerate(("done-1", "p1", "m1", "n1", "c1"), 1):
        assert f"agi_arg_{number}: {value}\n" in server.environment


Plays = list[tuple[str, str]]


@pytest.mark.parametrize(
    ("segment", "plays"),
    [
        ("preroll", WHOLE[2:]),
        ("message", WHOLE[2:]),
        ("notice", WHOLE[2:]),
        ("confirmation", CONFIRMED),
        ("after", []),
    ],
)
def test_script_dies_in_the_middle(
    ami: Ami, callee: Callee, script: Script, pbx: RunningPbx, segment: str, plays: list[tuple[str, str]]
) -> None:
    attempt = f"dies-{segment}"
    sound = pbx.settings.sounds_dir / "m1"
    began, played = "1700000000123", "preroll.400.1699999999000-message.7.1699999999400"
    script([entering("preroll"), entering(segment, began, played), f'STREAM FILE "{sound}" ""'], die=True)
    ear = callee()
    ami.call(attempt)
    ami.ended(attempt)
    (told,) = ami.of("IvrFallback", Attempt=attempt)
    assert (told["Segment"], told["Began"], told["Played"], told["Reason"]) == (segment, began, played, "agi")
    assert ami.plays(attempt) == plays
    expected_ms = {"confirmation": 300, "after": 0}.get(segment, 800)
    assert 200 <= ear.heard_ms - expected_ms <= 1100  # and what the script had played before
    assert bool(ami.of("IvrStop", Attempt=attempt)) == (segment == "confirmation")


def test_who_hangs_up_in_the_confirmation_of_a_script_that_died_has_stopped(
    ami: Ami, callee: Callee, script: Script, pbx: RunningPbx
) -> None:
    sound = pbx.settings.sounds_dir / "m1"
    script([entering("message"), entering("confirmation"), f'STREAM FILE "{sound}" ""'], die=True)
    callee(hang_up=True, after_ms=200)
    ami.call("h-stop")
    ami.ended("h-stop")
    assert ami.of("IvrStop", Attempt="h-stop")
    assert "h-stop" in stops.read(pbx.settings)
    assert not ami.of("IvrFallback", Attempt="h-stop")


@pytest.mark.parametrize("segment", ["preroll", "message", "notice", "after"])
def test_who_hangs_up_elsewhere_has_not(
    ami: Ami, callee: Callee, script: Script, pbx: RunningPbx, segment: str
) -> None:
    attempt = f"h-{segment}"
    script([entering(segment), f'STREAM FILE "{pbx.settings.sounds_dir / "m1"}" ""'], die=True)
    callee(hang_up=True, after_ms=100)
    ami.call(attempt)
    ami.ended(attempt)
    assert not ami.of("IvrStop", Attempt=attempt)
    assert attempt not in stops.read(pbx.settings)


def test_script_that_misses_a_file(ami: Ami, callee: Callee, script: Script) -> None:
    script(['SET VARIABLE "IVR_RESULT" "file"'])
    callee()
    ami.call("file-1")
    ami.ended("file-1")
    (told,) = ami.of("IvrFallback", Attempt="file-1")
    assert told["Reason"] == "file"
    assert ami.plays("file-1") == WHOLE


def test_missing_notice_is_replaced_by_the_built_in_one(ami: Ami, callee: Callee) -> None:
    ear = callee()
    ami.call("missing-1", NOTICE="nosuchfile", PREROLL="nosuchfile")
    ami.ended("missing-1")
    assert ami.plays("missing-1") == [
        ("preroll", "begin"),
        ("preroll", "missing"),
        ("notice", "begin"),
        ("notice", "missing"),
        ("notice", "begin"),
        ("notice", "end"),
    ]
    assert abs(ear.heard_ms - 600) <= 60


@pytest.mark.parametrize(
    ("after_ms", "before"),
    [(150, WHOLE[:1]), (700, WHOLE[:3]), (LONG_AFTER_MS, WHOLE)],
    ids=["in the pre-roll", "in the notice", "in the grace time"],
)
def test_nine_is_stored_before_it_is_confirmed(
    ami: Ami, callee: Callee, pbx: RunningPbx, after_ms: int, before: list[tuple[str, str]]
) -> None:
    attempt = f"nine-{after_ms}"
    callee(press="9", after_ms=after_ms)
    ami.call(attempt, GRACE_S=LONG_GRACE_S)
    ami.ended(attempt)
    assert ami.plays(attempt) == [*before, *CONFIRMED]
    (heard,) = ami.of("DTMFEnd", Uniqueid=attempt)
    assert (heard["Digit"], heard["Direction"]) == ("9", "Received"), "the controller hears it too"
    (stop,) = ami.of("IvrStop", Attempt=attempt)
    (confirmation, _) = ami.of("IvrPlay", Attempt=attempt, Segment="confirmation")
    assert ami.events.index(stop) < ami.events.index(confirmation)
    assert attempt in stops.read(pbx.settings)
    assert f"/{channelvars.STOP_FAMILY}/{attempt} " in pbx.cli(f"database show {channelvars.STOP_FAMILY}")


def test_nine_counts_when_the_person_hangs_up_at_once(ami: Ami, callee: Callee, pbx: RunningPbx) -> None:
    callee(press="9", hang_up=True, after_ms=200, stay_ms=60)
    ami.call("nine-gone")
    ami.ended("nine-gone")
    assert ami.of("IvrStop", Attempt="nine-gone")
    assert "nine-gone" in stops.read(pbx.settings)


def test_other_keys_cut_nothing(ami: Ami, callee: Callee) -> None:
    ear = callee(press="58", after_ms=150)
    ami.call("keys-1")
    ami.ended("keys-1")
    assert ami.plays("keys-1") == WHOLE
    assert abs(ear.heard_ms - 1200) <= 60


def test_nine_after_another_key_in_the_grace_time(ami: Ami, callee: Callee) -> None:
    callee(press="59", after_ms=LONG_AFTER_MS)
    ami.call("keys-2", GRACE_S=LONG_GRACE_S)
    ami.ended("keys-2")
    assert ami.plays("keys-2") == [*WHOLE, *CONFIRMED]


def test_without_a_grace_time_nobody_is_kept_on_the_line(ami: Ami, callee: Callee) -> None:
    callee(press="9", after_ms=6000)
    ami.call("no-grace", GRACE_S="0.0")
    ami.ended("no-grace")
    assert ami.plays("no-grace") == WHOLE, "the 9 would come while Asterisk waits for its own ten seconds"


def test_hang_up_leaves_an_open_begin(ami: Ami, callee: Callee) -> None:
    callee(hang_up=True, after_ms=700)
    ami.call("gone-1")
    end = ami.ended("gone-1")
    assert ami.plays("gone-1") == WHOLE[:3]
    begin = ami.of("IvrPlay", Attempt="gone-1", Segment="notice")[0]
    assert 0.15 <= float(end["at"]) - float(begin["at"]) <= 0.45


@pytest.mark.parametrize("attempt", ['x" = "x', "a)b/..", ""])
def test_attempt_that_is_no_name_is_not_used(ami: Ami, callee: Callee, attempt: str) -> None:
    callee()
    channel = f"guard-{abs(hash(attempt))}"
    ami.call(channel, ATTEMPT=attempt)
    ami.ended(channel)
    (told,) = ami.of("IvrFallback", Attempt=channel)
    assert told["Reason"] == "guard"
    assert ami.plays(channel) == WHOLE


def test_file_name_with_a_path_is_not_played(ami: Ami, callee: Callee) -> None:
    callee()
    ami.call("guard-file", PREROLL="../sounds/m1")
    ami.ended("guard-file")
    assert ami.plays("guard-file") == [("preroll", "begin"), ("preroll", "missing"), *WHOLE[2:]]
