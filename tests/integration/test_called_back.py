"""What becomes of calls to the call-back line, on both databases."""

from __future__ import annotations

import contextlib
from pathlib import Path

from ivr.adapters.agi import Played
from ivr.adapters.pbx import callback_stops
from ivr.errors import CallEnded
from ivr.rules.suppression import PLATFORM
from ivr.usecases import called_back, rights
from ivr.usecases.calling_back import CallBack
from tests.integration.scene import CALLER_ID, Scene

CALLER, OTHER = "+33612345678", "+33612345679"


class Deaf:
    """A line on which nothing is ever pressed."""

    def play(self, path: str, escape_digits: str = "", offset_samples: int = 0) -> Played:
        return Played(0, "", False, 0)

    def wait_for_digit(self, timeout_s: float) -> str | None:
        return None

    def record_file(self, path: str, sound_format: str, escape_digits: str, limit_s: float) -> str:
        Path(f"{path}.{sound_format}").write_bytes(b"RIFF" + bytes(100))
        raise CallEnded

    def leave(self, name: str, value: str) -> None:
        return None


def call(scene: Scene, number: str | None = CALLER) -> CallBack:
    campaigns = called_back.speaking_on(scene.store, scene.settings, CALLER_ID)
    desk = called_back.desk_of(scene.store, scene.settings, CALLER_ID)
    recording = scene.settings.shared_dir / "requests" / "1.wav"
    return CallBack(Deaf(), scene.settings.sounds_dir, desk, number, campaigns, "fr", recording)


def scopes(scene: Scene, number: str = CALLER) -> set[str]:
    return {one.scope for one in scene.store.suppressions.of_number(number)}


def test_a_stop_holds_for_every_sponsor_of_the_number_and_no_other(scene: Scene) -> None:
    first, second = scene.campaign(), scene.campaign(sponsor="Paul Durand")
    scene.campaign(sponsor="Else", trunks=["other"])
    assert call(scene).stop_calls()
    assert scopes(scene) == {f"sponsor:{one.sponsor_id}" for one in (first, second)}
    assert scopes(scene, OTHER) == set()


def test_where_nobody_calls_a_stop_holds_for_everybody(scene: Scene) -> None:
    assert call(scene).stop_calls()
    assert scopes(scene) == {PLATFORM}


def test_a_recorded_request_is_a_case_with_a_clock_also_of_who_hung_up(scene: Scene) -> None:
    scene.campaign()
    with contextlib.suppress(CallEnded):
        call(scene).take_request()
    [(case, _)] = rights.all_cases(scene.store)
    assert (case.channel, case.counts, case.answered_at_ms) == ("call-back", True, None)
    assert str(scene.settings.shared_dir / "requests" / "1.wav") in str(case.asked)


def test_calls_are_counted_by_campaign_without_a_number(scene: Scene) -> None:
    campaign = scene.campaign()
    for number in (CALLER, None):
        one = call(scene, number)
        one.did.message, one.did.stopped = 2, number is None
        called_back.count(scene.store, one, CALLER_ID, 5, 1_000)
    [sums] = scene.store.callbacks.sums()
    assert (sums.campaign, sums.calls, sums.message, sums.stopped, sums.hidden) == (campaign.name, 2, 4, 1, 1)


def test_a_stop_that_was_written_down_is_in_force_once_the_database_is(scene: Scene) -> None:
    callback_stops.file(scene.settings).parent.mkdir(parents=True)
    callback_stops.put(scene.settings, 1_700_000_000, CALLER_ID, CALLER)
    with callback_stops.file(scene.settings).open("a") as file:
        file.write("1700000000 0199000000 0612345679\nnot a stop\n1700000000 12 13\n")
    called_back.take_waiting_stops(scene.store, scene.settings)
    assert scopes(scene) == scopes(scene, OTHER) == {PLATFORM}
    assert list(callback_stops.waiting(scene.settings)) == []
    assert not list(callback_stops.file(scene.settings).parent.iterdir())


def test_stops_that_were_half_taken_are_found_again(scene: Scene) -> None:
    callback_stops.file(scene.settings).parent.mkdir(parents=True)
    for number in (CALLER, OTHER):
        callback_stops.put(scene.settings, 1_700_000_000, CALLER_ID, number)
    assert next(callback_stops.waiting(scene.settings))[1] == CALLER, "and then it dies"
    called_back.take_waiting_stops(scene.store, scene.settings)
    assert scopes(scene) == scopes(scene, OTHER) == {PLATFORM}
