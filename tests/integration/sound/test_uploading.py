"""From a file to a message that people approve: what is kept, who said what, and what a campaign may start with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr.adapters.store import Store
from ivr.doors.cli import cli
from ivr.errors import AudioRefused, Permanent, Refused
from ivr.rules.records import Origin
from ivr.settings import Message as MessageSettings
from ivr.settings import Settings
from ivr.usecases import checking, uploading
from ivr.usecases.uploading import Said

MakeSound = Callable[..., Path]


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    settings.var_dir.mkdir(parents=True)
    opened = Store(settings)
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def saturated(speech_wav: Path, ffmpeg: MakeSound, tmp_path: Path) -> Path:
    return ffmpeg("-i", speech_wav, "-af", "volume=18dB", "-ar", "44100", tmp_path / "loud.wav")


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_all_that_is_known_is_kept(recordings: dict[str, Path], store: Store, settings: Settings) -> None:
    added = uploading.add(store, settings, recordings["mp3"], "hello", Said(Origin.EDITED, "Jeanne Martin"))
    assert added == store.messages.named("hello")
    assert (added.origin, added.sponsor, added.approvals, added.refusal) == (Origin.EDITED, "Jeanne Martin", (), None)
    assert added.uploaded_by
    assert added.uploaded_at_ms > 1_700_000_000_000
    assert added.original_sha256 == digest(recordings["mp3"])
    for extension, sha256 in added.renderings.items():
        assert digest(settings.sounds_dir / f"{added.sound}.{extension}") == sha256
    assert set(added.renderings) >= {"alaw", "ulaw", "sln16"}
    assert added.measures["length_s"] == pytest.approx(8.96, abs=0.2)
    assert added.findings == []
    assert json.dumps(added.measures, allow_nan=False)


def test_a_recording_that_a_check_refuses_leaves_nothing(saturated: Path, store: Store, settings: Settings) -> None:
    with pytest.raises(AudioRefused, match=r"loud\.wav: la voix est saturée .* : baissez le niveau") as raised:
        uploading.add(store, settings, saturated, "loud")
    assert "\n" not in str(raised.value)
    with pytest.raises(AudioRefused, match=r"the voice is saturated.*: lower the microphone"):
        uploading.add(store, settings, saturated, "loud", Said(language="en"))
    assert store.messages.all() == []
    assert not settings.sounds_dir.exists()
    assert list(settings.originals_dir.iterdir()) == []


@pytest.mark.parametrize("said", [Said(Origin.EDITED), Said(by="x" * 65)])
def test_what_is_refused_for_its_name_or_its_person_leaves_nothing(
    said: Said, recordings: dict[str, Path], store: Store, settings: Settings
) -> None:
    """Another recording has that name; the same one, declared otherwise; somebody who cannot be named."""
    uploading.add(store, settings, recordings["mp3"], "hello")
    kept = sorted(settings.var_dir.rglob("*"))
    for kind in ("mp3", "8k.mp3"):
        with pytest.raises(Refused, match=r"choose another --name|at most 64"):
            uploading.add(store, settings, recordings[kind], "hello", replace(said, accept=("narrow",)))
    assert sorted(settings.var_dir.rglob("*")) == kept
    assert uploading.add(store, settings, recordings["mp3"], "hello") == store.messages.named("hello")


def test_somebody_may_answer_for_a_finding(saturated: Path, store: Store, settings: Settings) -> None:
    added = uploading.add(store, settings, saturated, "loud", Said(accept=("saturated",)))
    assert [(one["name"], one["severity"]) for one in added.findings] == [("saturated", "warns")]
    assert checking.finding_of(added.findings[0]).at_s == pytest.approx(0.1, abs=0.2)


def test_a_change_is_a_new_message(recordings: dict[str, Path], store: Store, settings: Settings) -> None:
    first = uploading.add(store, settings, recordings["mp3"], "hello")
    assert uploading.add(store, settings, recordings["mp3"], "hello") == first
    uploading.approve(store, settings, "hello", "anne")
    for file, said in ((recordings["wav"], Said()), (recordings["mp3"], Said(Origin.SYNTHETIC))):
        with pytest.raises(Refused, match="a change is a new message"):
            uploading.add(store, settings, file, "hello", said)
    assert store.messages.named("hello").sound == first.sound


def test_the_same_file_for_another_sponsor_is_found(
    recordings: dict[str, Path], store: Store, settings: Settings
) -> None:
    uploading.add(store, settings, recordings["mp3"], "hers", Said(sponsor="Jeanne Martin"))
    his = uploading.add(store, settings, recordings["mp3"], "his", Said(sponsor="Paul Durand"))
    assert his.findings[0]["name"] == "other_sponsor"
    assert his.findings[0]["values"] == {"sponsor": "Jeanne Martin", "message": "hers"}
    hers = checking.check(store, settings, recordings["mp3"], "Jeanne Martin")
    assert [one.name for one in hers.findings] == ["seen_before"]
    assert checking.check(store, settings, recordings["ogg"], "Jeanne Martin").findings == ()
    with pytest.raises(Refused, match="uploaded for 'Paul Durand', not for 'Jeanne Martin'"):
        uploading.usable(his, "Jeanne Martin")


def test_what_cannot_be_read_is_a_finding(store: Store, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "text.mp3").write_text("Bonjour\n" * 100)
    found = checking.check(store, settings, tmp_path / "text.mp3")
    assert [one.name for one in found.findings] == ["unreadable"]
    assert found.facts is None


def test_too_long_is_told_as_such(recordings: dict[str, Path], store: Store, settings: Settings) -> None:
    narrow = settings.model_copy(update={"message": MessageSettings(max_s=4)})
    found = checking.check(store, narrow, recordings["mp3"])
    assert [(one.name, one.at_s) for one in found.findings] == [("too_long", 4)]


def test_a_cloned_voice_needs_its_owners_consent(recordings: dict[str, Path], store: Store, settings: Settings) -> None:
    with pytest.raises(Refused, match="a cloned voice needs --voice-consent"):
        uploading.add(store, settings, recordings["mp3"], "clone", Said(Origin.CLONED))
    added = uploading.add(store, settings, recordings["mp3"], "clone", Said(Origin.CLONED, voice_consent="file 12"))
    assert added.voice_consent == "file 12"


@pytest.mark.parametrize(("approval", "enough"), [("off", 0), ("one", 1), ("two", 2)])
def test_so_many_people_must_approve(
    approval: str, enough: int, recordings: dict[str, Path], store: Store, settings: Settings
) -> None:
    strict = settings.model_copy(update={"message": MessageSettings.model_validate({"approval": approval})})
    message = uploading.add(store, settings, recordings["mp3"], "hello")
    for there, who in enumerate(("anne", "anne", "bob")):
        if len(message.approvals) < enough:
            with pytest.raises(Refused, match=f"is approved by {len(message.approvals)} of {enough}"):
                uploading.startable(message, strict, "Jeanne Martin")
        else:
            uploading.startable(message, strict, "Jeanne Martin")
        message = uploading.approve(store, settings, "hello", who)
        assert len(message.approvals) == (1, 1, 2)[there]
    uploading.startable(message, strict, "Jeanne Martin")
    assert [review.by for review in message.approvals] == ["anne", "bob"]


def test_a_refused_message_is_never_used(recordings: dict[str, Path], store: Store, settings: Settings) -> None:
    uploading.add(store, settings, recordings["mp3"], "hello")
    uploading.approve(store, settings, "hello", "anne")
    with pytest.raises(Refused, match="say why"):
        uploading.refuse(store, "hello", " ")
    uploading.refuse(store, "hello", "the wrong take", "bob")
    message = uploading.refuse(store, "hello", "another reason", "carl")
    assert message.refusal is not None
    assert (message.refusal.by, message.refusal.reason) == ("bob", "the wrong take")
    with pytest.raises(Refused, match=r"was refused by bob \(the wrong take\)"):
        uploading.usable(message)
    with pytest.raises(Refused, match="was refused by bob"):
        uploading.approve(store, settings, "hello", "dora")


def test_a_rendering_that_was_changed_is_neither_approved_nor_played(
    recordings: dict[str, Path], store: Store, settings: Settings
) -> None:
    message = uploading.add(store, settings, recordings["mp3"], "hello")
    file = settings.sounds_dir / f"{message.sound}.ulaw"
    file.write_bytes(bytes(file.stat().st_size))
    for use in (
        lambda: uploading.approve(store, settings, "hello"),
        lambda: uploading.startable(message, settings, ""),
    ):
        with pytest.raises(Permanent, match=r"\.ulaw is not what was added"):
            use()


def test_a_later_check_is_kept_until_somebody_approves(
    recordings: dict[str, Path], store: Store, settings: Settings
) -> None:
    message = uploading.add(store, settings, recordings["mp3"], "hello")
    assert message.measures["quality"] is None
    checking.check_message(store, settings, message)
    with_quality = store.messages.named("hello")
    assert with_quality.measures["quality"]["overall"] > 2
    uploading.approve(store, settings, "hello")
    store.messages.found(message.id, [{"name": "invented"}], {})
    assert store.messages.named("hello").findings == with_quality.findings


def test_the_export_is_what_came_and_what_is_played(
    recordings: dict[str, Path], store: Store, settings: Settings, tmp_path: Path
) -> None:
    message = uploading.add(store, settings, recordings["m4a"], "hello")
    files = uploading.export(store, settings, "hello", tmp_path / "out")
    assert digest(files[0]) == message.original_sha256
    assert files[0].name.endswith(".m4a")
    assert {digest(file) for file in files[1:]} == set(message.renderings.values())
    (settings.originals_dir / message.original_sha256).write_bytes(b"changed")
    with pytest.raises(Permanent, match="was changed since it was added"):
        uploading.export(store, settings, "hello", tmp_path / "again")
    assert not (tmp_path / "again").exists()


@pytest.fixture
def ivr(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """Runs a command in a folder of its own; exit code and what it printed."""
    settings.home.mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(settings.home)

    def run(*arguments: object) -> tuple[int, str]:
        done = CliRunner().invoke(cli, [str(argument) for argument in arguments])
        return done.exit_code, done.output

    return run


def test_the_commands(
    ivr: Callable[..., tuple[int, str]], recordings: dict[str, Path], saturated: Path, tmp_path: Path
) -> None:
    code, out = ivr("message", "check", saturated, "--json", "--language", "en")
    told = json.loads(out)
    assert (code, told["refused"]) == (1, True)
    assert told["findings"][0]["says"].startswith("the voice is saturated")
    assert told["findings"][0]["do"]
    assert told["measures"]["crest_db"] < 9
    odd = tmp_path / "a\x1b[31m\nb.mp3"
    odd.write_bytes(recordings["mp3"].read_bytes())
    code, out = ivr("message", "check", odd)
    assert (code, "\x1b[31m" in out, "a?[31m?b.mp3" in out) == (0, False, True)
    assert "DNSMOS" in out
    assert ivr("message", "add", odd, "--name", "hello", "--sponsor", "Jeanne Martin")[0] == 0
    assert ivr("message", "approve", "hello", "--by", "anne")[0] == 0
    code, out = ivr("message", "list", "--json")
    (listed,) = json.loads(out)
    assert listed["approved"][0]["by"] == "anne"
    assert ivr("message", "export", "hello", "--output", tmp_path / "out")[0] == 0
    assert json.loads((tmp_path / "out/message.json").read_text())["original"]["sha256"] == digest(recordings["mp3"])
    assert ivr("message", "refuse", "hello", "--reason", "the wrong take")[0] == 0
    assert "refused by" in ivr("message", "list")[1]
