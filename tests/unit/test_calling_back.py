"""The call-back line, with callers who press anything at any time, or nothing."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.adapters.agi import Played
from ivr.errors import CallEnded
from ivr.rules.calling_back import KEPT_MS, campaigns_of, e164
from ivr.rules.records import Campaign, Sound
from ivr.rules.states import CampaignState
from ivr.settings import HOME
from ivr.usecases.calling_back import ANSWER_S, BETWEEN_DIGITS_S, RECORD_S, CallBack, Desk

LINE, CALLER = "+33199000000", "+33612345678"
DAY_MS = 86_400_000
NOW_MS = 1_800_000_000_000


def script(call: CallBack) -> None:
    spec = importlib.util.spec_from_file_location("call_back", HOME / "agi" / "call_back.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.call_back(call)


def campaign(name: str, started_ms: int | None = NOW_MS - DAY_MS, **values: object) -> Campaign:
    sounds = {part: Sound(f"{part}-{name}", 1000) for part in ("preroll", "message", "notice", "confirmation")}
    given: dict[str, object] = {
        "id": len(name), "name": name, "sponsor_id": len(name), "sponsor": name, "batch_id": 1, "language": "fr",
        "trunks": ("main",), "rate_cps": 1.0, "weight": 1.0, "priority": 0, "retry": "", "hours": "",
        "timezone": "Europe/Paris", "texts": {}, "state": CampaignState.RUNNING, "created_at_ms": 1,
        "started_at_ms": started_ms, "finished_at_ms": None, "expires_at_ms": None, "release_at_ms": None,
    }  # fmt: skip
    return Campaign(**(given | sounds | values))  # type: ignore[arg-type]


@dataclass
class Telephone:
    """A caller: the next key whenever a sound is played or a key is waited for, "" for none; then they listen on."""

    keys: list[str]
    leaves_after: int = 10_000
    log: list[str] = field(default_factory=list)
    waited_s: float = 0.0
    longest_silence_s: float = 0.0

    def play(self, path: str, escape_digits: str = "", offset_samples: int = 0) -> Played:
        self._step(Path(path).name)
        self.waited_s = 0.0
        key = self.keys.pop(0) if self.keys else ""
        return Played(100 + offset_samples, key if key and key in escape_digits else "", False, 10)

    def wait_for_digit(self, timeout_s: float) -> str | None:
        self._step(f"wait {timeout_s:g}")
        key = self.keys.pop(0) if self.keys else ""
        if not key:
            self.waited_s += timeout_s
            self.longest_silence_s = max(self.longest_silence_s, self.waited_s)
        return key or None

    def record_file(self, path: str, sound_format: str, escape_digits: str, limit_s: float) -> str:
        self._step("record")
        assert limit_s == RECORD_S
        Path(f"{path}.{sound_format}").write_bytes(b"RIFF" + bytes(100))
        return "#"

    def leave(self, name: str, value: str) -> None:
        self.log.append(f"{name}={value}")

    def _step(self, what: str) -> None:
        self.log.append(what)
        if len(self.log) > self.leaves_after:
            raise CallEnded


@dataclass
class Kept:
    """What the desk was told."""

    stops: list[tuple[str, list[str]]] = field(default_factory=list)
    requests: list[tuple[str | None, Path]] = field(default_factory=list)

    def desk(self) -> Desk:
        return Desk(
            lambda number, of: self.stops.append((number, [one.name for one in of])),
            lambda number, file: self.requests.append((number, file)),
            lambda digits: e164(digits, "FR"),
        )


def called(
    telephone: Telephone, folder: Path, campaigns: Sequence[Campaign] = (), number: str | None = CALLER
) -> tuple[CallBack, Kept]:
    kept = Kept()
    call = CallBack(telephone, Path("/sounds"), kept.desk(), number, campaigns, "fr", folder / "requests" / "r.wav")
    with contextlib.suppress(CallEnded):
        script(call)
        call.finish()
    return call, kept


def test_who_waits_hears_who_calls_and_the_menu_three_times(tmp_path: Path) -> None:
    telephone = Telephone([])
    called(telephone, tmp_path, [campaign("a")])
    menu = ["callback-menu-fr", f"wait {ANSWER_S:g}"]
    assert telephone.log == [
        "callback-hello-fr", "preroll-a", *menu, *menu, *menu, "callback-bye-fr", "IVR_RESULT=done",
    ]  # fmt: skip


def test_message_source_other_campaign_and_language_are_to_be_had(tmp_path: Path) -> None:
    telephone = Telephone(["", "1", "2", "4", "", "0"])
    call, _ = called(telephone, tmp_path, [campaign("a"), campaign("bb")])
    assert telephone.log[:9] == [
        "callback-hello-fr", "preroll-a", "message-a", "notice-a", "preroll-bb", "callback-menu-fr",
        "callback-menu-en", "callback-another-en", f"wait {ANSWER_S:g}",
    ]  # fmt: skip
    assert (call.did.message, call.did.source, call.did.stopped) == (1, 1, False)


def test_a_9_stops_all_who_call_from_the_number_before_it_is_confirmed(tmp_path: Path) -> None:
    telephone = Telephone(["9"])
    call, kept = called(telephone, tmp_path, [campaign("a"), campaign("bb")])
    assert kept.stops == [(CALLER, ["a", "bb"])]
    assert telephone.log == ["callback-hello-fr", "callback-stopped-fr", "IVR_RESULT=done"]
    assert call.did.stopped


def test_a_9_once_more_stops_everybody_and_so_does_one_where_nobody_calls(tmp_path: Path) -> None:
    _, kept = called(Telephone(["9", "9"]), tmp_path, [campaign("a")])
    assert kept.stops == [(CALLER, ["a"]), (CALLER, [])]
    telephone = Telephone(["9"])
    _, kept = called(telephone, tmp_path)
    assert kept.stops == [(CALLER, [])]
    assert telephone.log == ["callback-nobody-fr", "callback-never-fr", "IVR_RESULT=done"]


def test_a_hidden_number_is_keyed_in(tmp_path: Path) -> None:
    _, kept = called(Telephone(["9", *"0612345678", "#"]), tmp_path, [campaign("a")], number=None)
    assert kept.stops == [(CALLER, ["a"])]
    telephone = Telephone(["9", "1", "#", "2", "#"])
    call, kept = called(telephone, tmp_path, [campaign("a")], number=None)
    assert (kept.stops, call.did.stopped) == ([], False)
    assert telephone.log.count("callback-number-fr") == 2
    assert "callback-unknown-fr" in telephone.log


@pytest.mark.parametrize("leaves", [False, True])
def test_a_request_is_kept_also_of_who_hangs_up_after_it(tmp_path: Path, leaves: bool) -> None:
    telephone = Telephone(["3"], leaves_after=3 if leaves else 100)
    call, kept = called(telephone, tmp_path, [campaign("a")])
    [(number, file)] = kept.requests
    assert (number, call.did.request) == (CALLER, 1)
    assert file.stat().st_mode & 0o777 == 0o600
    assert ("callback-recorded-fr" in telephone.log) is True


@given(
    keys=st.lists(st.sampled_from(["", *"0123456789*#"]), max_size=60),
    campaigns=st.integers(0, 3),
    number=st.sampled_from([CALLER, None]),
    leaves_after=st.integers(1, 200),
)
def test_no_keys_lead_into_silence_or_a_loop(
    tmp_path_factory: pytest.TempPathFactory, keys: list[str], campaigns: int, number: str | None, leaves_after: int
) -> None:
    telephone = Telephone(list(keys), leaves_after)
    named = [campaign("a" * (1 + n)) for n in range(campaigns)]
    _, kept = called(telephone, tmp_path_factory.mktemp("call"), named, number)
    assert telephone.longest_silence_s <= max(ANSWER_S, BETWEEN_DIGITS_S)
    assert len(telephone.log) <= 3 * len(keys) + 20, "when no key comes any more the call ends"
    assert all(written == CALLER or number is None for written, _ in kept.stops)
    assert not kept.stops or "9" in keys


def test_the_number_is_read_however_a_carrier_writes_it() -> None:
    for written in ("+33612345678", "33612345678", "0612345678", "0033612345678"):
        assert e164(written, "FR") == CALLER
    assert [e164(written, "FR") for written in ("", "anonymous", "12", "+", "999999999999999999")] == [None] * 5
    assert e164("+33999000001", "FR") == "+33999000001", "the lab's"


def test_a_number_speaks_for_those_who_called_from_it_within_60_days() -> None:
    found = campaigns_of(
        LINE,
        [
            campaign("running", NOW_MS - 5 * DAY_MS),
            campaign("latest", NOW_MS - DAY_MS),
            campaign("over", finished_at_ms=NOW_MS - KEPT_MS + 1, state=CampaignState.FINISHED),
            campaign("long-over", finished_at_ms=NOW_MS - KEPT_MS, state=CampaignState.FINISHED),
            campaign("draft", None, state=CampaignState.DRAFT),
            campaign("elsewhere", trunks=("other",)),
        ],
        {"main": LINE, "other": "+33199000001"},
        NOW_MS,
    )
    assert [one.name for one in found] == ["latest", "over", "running"]
