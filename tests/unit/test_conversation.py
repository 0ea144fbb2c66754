"""The conversation on a line that does what a test says: what was heard, which keys, and that a 9 is stored first."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ivr.adapters.agi import Played
from ivr.errors import CallEnded
from ivr.rules.flow import Wish
from ivr.rules.segments import EndedBy, Listen, Segment
from ivr.settings import HOME
from ivr.usecases import conversation
from ivr.usecases.conversation import Call, Manners, SoundMissing, Sounds

P, M, N, C = Segment.PREROLL, Segment.MESSAGE, Segment.NOTICE, Segment.CONFIRMATION
LENGTHS_MS = {P: 1000, M: 4000, N: 2000, C: 700}
ORDINARY = [P, M, N]


def script() -> Callable[[Call], None]:
    spec = importlib.util.spec_from_file_location("play_message", HOME / "agi" / "play_message.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    function: Callable[[Call], None] = module.play_message
    return function


@dataclass
class Clock:
    """Time passes only where the line says so."""

    now_s: float = 1000.0

    def monotonic(self) -> float:
        return self.now_s

    def time(self) -> float:
        return 1_700_000_000.0 + self.now_s


@dataclass
class Line:
    """Does what `acts` says, one after the other: (what, instant in the file or in the waiting, ms)."""

    clock: Clock
    acts: list[tuple[str, int]]
    log: list[str] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    dead: bool = False

    def play(self, path: str, escape_digits: str = "", offset_samples: int = 0) -> Played:
        segment = Path(path).name
        self.log.append(f"play {segment}")
        self.offsets.append(offset_samples)
        what, at_ms = self.acts.pop(0) if self.acts else ("end", 0)
        length = LENGTHS_MS[Segment(segment)]
        at_ms = length if what == "end" else at_ms
        took_ms = at_ms - offset_samples // 8
        self.clock.now_s += took_ms / 1000
        end = at_ms * 8
        endings = {
            "fails": Played(offset_samples, "", False, 1, failed=True),
            "leaves": Played(end, "", True, took_ms),
            "leaves, endpos full": Played(length * 8, "", True, took_ms),
            "leaves, clock late": Played(end, "", True, took_ms + 500),
            "leaves, endpos unknown": Played(offset_samples, "", True, took_ms, endpos_known=False),
            "end": Played(end, "", False, took_ms + 40),
        }
        if what in endings:
            return endings[what]
        assert what in escape_digits, f"key {what} is not armed in {segment}"
        return Played(end, what, False, took_ms)

    def wait_for_digit(self, timeout_s: float) -> str | None:
        self.log.append("wait")
        what, at_ms = self.acts.pop(0) if self.acts else ("nothing", 0)
        self.clock.now_s += min(timeout_s, at_ms / 1000) if what != "nothing" else timeout_s
        if what == "leaves":
            raise CallEnded
        return None if what == "nothing" else what

    def set_variables(self, values: Mapping[str, str]) -> None:
        if self.dead:
            raise CallEnded
        self.variables |= values
        self.log.append(f"in {values['IVR_SEGMENT']}")

    def get_variable(self, name: str) -> str:
        if self.dead:
            raise CallEnded
        return self.variables.get(name, "")

    def leave(self, name: str, value: str) -> None:
        if self.dead:
            raise CallEnded
        self.variables[name] = value
        self.log.append(value)


@dataclass
class Talk:
    """One call with the shipped script."""

    line: Line
    call: Call
    stops: list[tuple[str, int]]

    def run(self) -> Listen:
        try:
            script()(self.call)
            self.call.finish()
        except CallEnded:
            return self.call.listen(EndedBy.LISTENER)
        return self.call.listen(EndedBy.US)


@pytest.fixture
def talk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Talk]:
    for segment, length_ms in LENGTHS_MS.items():
        (tmp_path / f"{segment.value}.alaw").write_bytes(b"\xd5" * (length_ms * 8))

    def begin(*acts: tuple[str, int], max_repeats: int = 3, grace_s: float = 3.0) -> Talk:
        clock = Clock()
        monkeypatch.setattr(conversation, "time", clock)
        line = Line(clock, list(acts))
        stops: list[tuple[str, int]] = []

        def store_stop(attempt: str, at_ms: int, of_all: bool) -> None:
            line.log.append("STORED OF ALL" if of_all else "STORED")
            stops.append((attempt, at_ms))

        sounds = Sounds(tmp_path, {segment: segment.value for segment in Segment})
        return Talk(line, Call("a1", line, sounds, Manners(grace_s, max_repeats), store_stop), stops)

    return begin


def heard(listen: Listen) -> list[tuple[Segment, int]]:
    return [(play.segment, play.heard_ms) for play in listen.plays]


END = ("end", 0)


def test_everything_is_heard(talk: Callable[..., Talk]) -> None:
    listen = talk().run()
    assert heard(listen) == [(P, 1000), (M, 4000), (N, 2000)]
    assert [play.began_ms for play in listen.plays] == [0, 1000, 5000]
    assert [play.sound for play in listen.plays] == ["preroll", "message", "notice"]
    assert (listen.keys, listen.stop_at_ms, listen.ended_by) == ((), None, EndedBy.US)


@pytest.mark.parametrize("at", range(3))
def test_nine_stops_in_each_segment(talk: Callable[..., Talk], at: int) -> None:
    one = talk(*[END] * at, ("9", 600))
    listen = one.run()
    began_ms = sum(LENGTHS_MS[segment] for segment in ORDINARY[:at])
    assert heard(listen) == [*((s, LENGTHS_MS[s]) for s in ORDINARY[:at]), (ORDINARY[at], 600), (C, 700)]
    assert [(k.key, k.segment, k.within_ms, k.at_ms) for k in listen.keys] == [("9", ORDINARY[at], 600, began_ms + 600)]
    assert listen.stop_at_ms == began_ms + 600
    assert one.stops == [("a1", listen.at_ms + began_ms + 600)]


def test_nine_in_the_grace_time_stops(talk: Callable[..., Talk]) -> None:
    one = talk(END, END, END, ("9", 1200))
    listen = one.run()
    assert heard(listen)[-1] == (C, 700)
    assert [(k.key, k.segment, k.within_ms, k.at_ms) for k in listen.keys] == [("9", N, 3200, 8200)]
    assert one.stops


def test_the_stop_is_stored_before_its_confirmation_begins(talk: Callable[..., Talk]) -> None:
    one = talk(("9", 0))
    one.run()
    assert one.line.log.index("STORED") < one.line.log.index("play confirmation")


def test_the_dialplan_knows_of_the_nine_before_it_is_stored(talk: Callable[..., Talk]) -> None:
    """If this process is killed before it has stored the stop, the dialplan stores it."""
    one = talk(("9", 300))
    one.run()
    assert one.line.log.index("in confirmation") < one.line.log.index("STORED")


@pytest.mark.parametrize("at_ms", [0, 200, 700])
def test_nine_counts_for_who_hangs_up_during_the_confirmation(talk: Callable[..., Talk], at_ms: int) -> None:
    one = talk(END, ("9", 1500), ("leaves", at_ms))
    listen = one.run()
    assert one.stops
    assert heard(listen) == [(P, 1000), (M, 1500), (C, at_ms)]
    assert listen.ended_by is EndedBy.LISTENER


def test_nine_counts_for_who_hangs_up_before_the_confirmation(talk: Callable[..., Talk]) -> None:
    one = talk(("9", 300))
    whole = one.line.play

    def play_and_lose(path: str, escape_digits: str = "", offset_samples: int = 0) -> Played:
        played = whole(path, escape_digits, offset_samples)
        one.line.dead = True
        return played

    one.line.play = play_and_lose  # type: ignore[method-assign]
    listen = one.run()
    assert one.stops
    assert listen.stop_at_ms == 300


@pytest.mark.parametrize("key", "012345678*#")
def test_no_other_key_is_heard_during_the_confirmation(talk: Callable[..., Talk], key: str) -> None:
    one = talk(("9", 300), (key, 100))
    with pytest.raises(AssertionError, match="not armed in confirmation"):
        one.run()


def test_another_nine_is_stored_for_all_before_the_confirmation_goes_on(talk: Callable[..., Talk]) -> None:
    one = talk(("9", 300), ("9", 100), ("9", 400))
    listen = one.run()
    after = one.line.log[one.line.log.index("STORED") + 1 :]
    assert after == ["in confirmation", *["play confirmation", "STORED OF ALL"] * 2, "play confirmation", "done"]
    assert one.line.offsets == [0, 0, 800, 3200], "it is heard whole, and no part of it twice"
    assert heard(listen) == [(P, 300), (C, 700)]
    assert [(press.segment, press.within_ms) for press in listen.keys] == [(P, 300), (C, 100), (C, 400)]
    assert one.stops[1] == ("a1", listen.at_ms + 400)
    assert (listen.stops_all, listen.stop_at_ms, listen.ended_by) == (True, 300, EndedBy.US)


def test_who_presses_again_and_leaves_has_told_all(talk: Callable[..., Talk]) -> None:
    one = talk(("9", 300), ("9", 100), ("leaves", 200))
    listen = one.run()
    assert one.line.log.count("STORED OF ALL") == 1
    assert (heard(listen), listen.ended_by) == ([(P, 300), (C, 200)], EndedBy.LISTENER)


def test_one_nine_is_of_one_sponsor(talk: Callable[..., Talk]) -> None:
    one = talk(END, ("9", 300))
    assert one.run().stops_all is False
    assert "STORED OF ALL" not in one.line.log


@pytest.mark.parametrize("key", "*1")
def test_the_message_is_repeated(talk: Callable[..., Talk], key: str) -> None:
    listen = talk(END, (key, 2500)).run()
    assert heard(listen) == [(P, 1000), (M, 2500), (M, 4000), (N, 2000)]
    assert listen.heard_ms(M) == 4000, "a repeat adds no length to the message"


def test_a_repeat_from_the_notice_or_after_it_brings_the_notice_again(talk: Callable[..., Talk]) -> None:
    listen = talk(END, END, ("*", 500), END, END, ("1", 100)).run()
    assert [segment for segment, _ in heard(listen)] == [P, M, N, M, N, M, N]


@pytest.mark.parametrize("most", [0, 1, 3])
def test_the_message_is_repeated_so_often_and_no_more(talk: Callable[..., Talk], most: int) -> None:
    presses = [("1", 100)] * (most + 1)
    listen = talk(END, *presses, max_repeats=most).run()
    assert heard(listen) == [(P, 1000), *[(M, 100)] * most, (M, 4000), (N, 2000)]
    assert len(listen.keys) == most + 1, "the last one is noted, and the message goes on"


@pytest.mark.parametrize("key", "*1")
def test_nothing_is_repeated_once_the_call_is_to_end(talk: Callable[..., Talk], key: str) -> None:
    one = talk(END, END, (key, 500), END, (key, 1200))
    one.line.variables["IVR_RELEASED"] = "asked"
    listen = one.run()
    assert heard(listen) == [(P, 1000), (M, 4000), (N, 2000)], "the notice goes on where it was"
    assert one.line.offsets == [0, 0, 0, 4000]
    assert [(k.key, k.within_ms) for k in listen.keys] == [(key, 500), (key, 3200)]


def test_nine_stops_a_call_that_is_to_end_too(talk: Callable[..., Talk]) -> None:
    one = talk(END, END, ("9", 500))
    one.line.variables["IVR_RELEASED"] = "asked"
    assert heard(one.run())[-1] == (C, 700)
    assert one.stops


def test_who_is_gone_before_a_repeat_is_gone(talk: Callable[..., Talk]) -> None:
    one = talk(END, END, ("*", 500), ("leaves", 500))
    whole = one.line.play

    def play_and_lose(path: str, escape_digits: str = "", offset_samples: int = 0) -> Played:
        played = whole(path, escape_digits, offset_samples)
        one.line.dead = played.digit == "*"
        return played

    one.line.play = play_and_lose  # type: ignore[method-assign]
    assert heard(one.run()) == [(P, 1000), (M, 4000), (N, 500)]


def test_a_key_that_means_nothing_is_noted_and_the_sound_goes_on(talk: Callable[..., Talk]) -> None:
    one = talk(END, ("5", 1000), ("#", 1700), END)
    listen = one.run()
    assert one.line.offsets[:4] == [0, 0, 8000, 13600]
    assert heard(listen) == [(P, 1000), (M, 4000), (N, 2000)], "one play, though it was sent in three parts"
    assert [(k.key, k.within_ms, k.at_ms) for k in listen.keys] == [("5", 1000, 2000), ("#", 1700, 2700)]


def test_keys_that_mean_nothing_do_not_lengthen_the_grace_time(talk: Callable[..., Talk]) -> None:
    one = talk(END, END, END, ("5", 1000), ("6", 1000), ("7", 1500))
    listen = one.run()
    assert [(k.key, k.within_ms) for k in listen.keys][:2] == [("5", 3000), ("6", 4000)]
    assert one.line.clock.now_s - 1000 <= 10.0 + 0.05
    assert one.line.log.count("wait") == 3


@pytest.mark.parametrize("at", range(3))
@pytest.mark.parametrize("at_ms", [0, 20, 900])
def test_a_hang_up_in_each_segment(talk: Callable[..., Talk], at: int, at_ms: int) -> None:
    listen = talk(*[END] * at, ("leaves", at_ms)).run()
    assert heard(listen) == [*((s, LENGTHS_MS[s]) for s in ORDINARY[:at]), (ORDINARY[at], at_ms)]
    assert listen.ended_by is EndedBy.LISTENER


def test_a_hang_up_in_the_grace_time(talk: Callable[..., Talk]) -> None:
    listen = talk(END, END, END, ("leaves", 500)).run()
    assert heard(listen) == [(P, 1000), (M, 4000), (N, 2000)]
    assert listen.ended_by is EndedBy.LISTENER


def test_a_hang_up_after_the_channel_is_gone(talk: Callable[..., Talk]) -> None:
    one = talk()
    one.line.dead = True
    assert heard(one.run()) == []


def test_endpos_at_full_length_after_a_hang_up_is_bounded_by_the_clock(talk: Callable[..., Talk]) -> None:
    assert heard(talk(END, ("leaves, endpos full", 1300)).run())[-1] == (M, 1300)


def test_endpos_is_believed_when_the_clock_is_late(talk: Callable[..., Talk]) -> None:
    assert heard(talk(END, ("leaves, clock late", 1300)).run())[-1] == (M, 1300)


def test_the_race_after_a_key_that_means_nothing(talk: Callable[..., Talk]) -> None:
    assert heard(talk(END, ("5", 1000), ("leaves, endpos full", 1300)).run())[-1] == (M, 1300)


def test_without_endpos_the_clock_tells(talk: Callable[..., Talk]) -> None:
    assert heard(talk(END, ("leaves, endpos unknown", 1300)).run())[-1] == (M, 1300)
    assert heard(talk(END, ("5", 1000), ("leaves, endpos unknown", 1300)).run())[-1] == (M, 1300)


def test_at_the_end_of_a_segment_the_clock_adds_nothing(talk: Callable[..., Talk]) -> None:
    listen = talk(("end", 0), ("leaves, clock late", 4000)).run()
    assert heard(listen) == [(P, 1000), (M, 4000)]


@pytest.mark.parametrize("segment", list(Segment))
def test_a_file_that_is_missing_is_said_and_what_was_heard_is_kept(
    talk: Callable[..., Talk], tmp_path: Path, segment: Segment
) -> None:
    (tmp_path / f"{segment.value}.alaw").unlink()
    one = talk(*([END, ("9", 100)] if segment is C else []))
    with pytest.raises(SoundMissing, match=segment.value):
        script()(one.call)
    before = {P: [], M: [(P, 1000)], N: [(P, 1000), (M, 4000)], C: [(P, 1000), (M, 100)]}
    assert heard(one.call.listen(EndedBy.UNKNOWN)) == before[segment]
    assert bool(one.stops) is (segment is C)


def test_a_file_that_asterisk_cannot_open_is_missing(talk: Callable[..., Talk]) -> None:
    with pytest.raises(SoundMissing, match="message"):
        script()(talk(END, ("fails", 0)).call)


def test_the_dialplan_knows_where_we_are_and_what_was_heard(talk: Callable[..., Talk]) -> None:
    one = talk(END, ("leaves", 100))
    listen = one.run()
    assert one.line.variables == {
        "IVR_SEGMENT": "message",
        "IVR_BEGAN": str(listen.at_ms + 1000),
        "IVR_PLAYED": f"preroll.1000.{listen.at_ms}",
    }


def test_the_dialplan_is_told_once_before_each_segment_and_once_at_the_end(talk: Callable[..., Talk]) -> None:
    one = talk()
    listen = one.run()
    assert one.line.log == [
        *("in preroll", "play preroll", "in message", "play message", "in notice", "play notice"),
        *("in after", "wait", "done"),
    ]
    assert one.line.variables["IVR_PLAYED"].split("-")[1] == f"message.4000.{listen.at_ms + 1000}"


def test_without_a_grace_time_the_call_ends_with_the_notice(talk: Callable[..., Talk]) -> None:
    one = talk(grace_s=0.0)
    assert heard(one.run()) == [(P, 1000), (M, 4000), (N, 2000)]
    assert one.line.log[-2:] == ["play notice", "done"]


def test_what_the_script_asks_for(talk: Callable[..., Talk]) -> None:
    assert talk(("9", 10)).call.play(P) is Wish.STOP
    assert talk(("*", 10)).call.play(P) is Wish.REPEAT
    assert talk(("4", 10)).call.play(P) is None
