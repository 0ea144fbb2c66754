"""A recording becomes a message: who sent it, whose voice it is, what its checks found; then people judge it."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from pathlib import Path

from ivr.adapters import sound
from ivr.adapters.store import Store
from ivr.errors import AudioRefused, NotFound, Permanent, Refused
from ivr.rules.recording_checks import Finding, Severity, accepted, judge, refuses
from ivr.rules.recording_facts import RecordingFacts
from ivr.rules.recording_words import line
from ivr.rules.records import Message, Origin, Review
from ivr.settings import Settings
from ivr.usecases.checking import limits, plain, plain_facts, seen_before
from ivr.usecases.messages import prepare
from ivr.usecases.who import login_name

NEEDED = {"off": 0, "one": 1, "two": 2}
LONGEST_NAME = 200
LONGEST_TEXT = 500


@dataclass(frozen=True, slots=True)
class Said:
    """What the uploader says of a recording. sponsor: for whom. accept: findings they answer for.

    voice_consent: where the agreement of a cloned voice's owner is kept. by: who uploads it; "" is the login name.
    """

    origin: Origin = Origin.HUMAN
    sponsor: str = ""
    voice_consent: str = ""
    accept: tuple[str, ...] = ()
    language: str = ""
    by: str = ""


@dataclass
class _Judged:
    """What the checks found while the recording was prepared."""

    facts: RecordingFacts | None = None
    findings: tuple[Finding, ...] = field(default=())


def add(store: Store, settings: Settings, file: Path, name: str, said: Said | None = None) -> Message:
    """The recording is checked, rendered and kept as a message of that name; adding the same again changes nothing.

    Raises AudioRefused with what is wrong and what to do when a check refuses it, Refused when another message has
    that name; then nothing is left.
    """
    said = said or Said()
    check_said(name, said)
    uploader = _person(said.by)
    judged = _Judged()

    def check(pcm: sound.Pcm, shown: str, _: str) -> None:
        judged.facts = sound.measure(pcm)
        judged.findings = accepted(judge(judged.facts, limits(settings)), said.accept)
        if refuses(judged.findings):
            language = said.language or settings.language
            told = [line(one, language) for one in judged.findings if one.severity is Severity.REFUSES]
            raise AudioRefused(f"{shown}: {'; '.join(told)}", judged.findings[0].name)

    def admit(rendering: str) -> None:
        store.messages.may_add(name, rendering, said.origin)

    try:
        made = prepare(file, settings, check, admit)
    except AudioRefused as refused:  # told in the uploader's language
        raise AudioRefused(refused.said(said.language or settings.language), refused.finding) from None
    findings = (*judged.findings, *seen_before(store, made.original_sha256, made.sound, said.sponsor, name))
    message = Message(
        0, name, made.sound, made.length_ms, made.original_name, made.original_sha256,
        renderings=sound.fingerprints(made.sound, settings.sounds_dir),
        uploaded_by=uploader,
        origin=said.origin,
        sponsor=said.sponsor,
        voice_consent=said.voice_consent,
        findings=[plain(one) for one in findings],
        measures=plain_facts(judged.facts) if judged.facts else {},
    )  # fmt: skip
    return store.messages.add(message, _now_ms())


def approve(store: Store, settings: Settings, name: str, by: str = "") -> Message:
    """The message is approved by that person, who is the login name unless said otherwise; its files are unchanged."""
    message = store.messages.named(name)
    verify_message(message, settings)
    return store.messages.approve(message, Review(_person(by), _now_ms()))


def refuse(store: Store, name: str, reason: str, by: str = "") -> Message:
    """No campaign can be made or started with the message any more."""
    check_reason(reason)
    return store.messages.refuse(store.messages.named(name), Review(_person(by), _now_ms(), reason))


def check_reason(reason: str) -> None:
    """Returns when a refusal can be kept with that reason; else Refused."""
    if not reason.strip() or not _fits(reason, LONGEST_TEXT):
        raise Refused(f"say why: a reason is 1 to {LONGEST_TEXT} printable characters on one line")


def usable(message: Message, sponsor: str = "") -> None:
    """Returns when a campaign of that sponsor may be made with the message; else Refused."""
    if message.refusal:
        raise Refused(
            f"message {message.name!r} was refused by {message.refusal.by} ({message.refusal.reason}): "
            "add another recording"
        )
    if sponsor and message.sponsor and message.sponsor != sponsor:
        raise Refused(
            f"message {message.name!r} was uploaded for {message.sponsor!r}, not for {sponsor!r}: "
            "check that it is not the wrong file, and add it for the other sponsor under another name"
        )


def startable(message: Message, settings: Settings, sponsor: str) -> None:
    """Returns when a campaign may start with it: not refused, approved by enough people, its files unchanged."""
    usable(message, sponsor)
    needed, there = NEEDED[settings.message.approval], len(message.approvals)
    if there < needed:
        raise Refused(
            f"message {message.name!r} is approved by {there} of {needed} (setting message.approval): "
            f"listen to it with `ivr message preview`, then `ivr message approve {message.name}`"
        )
    verify_message(message, settings)


def verify_message(message: Message, settings: Settings) -> None:
    """The message's files are those that were added. Raises NotFound or Permanent, which say what to do."""
    sound.verify(message.sound, settings.sounds_dir)
    sound.verify_fingerprints(message.sound, settings.sounds_dir, message.renderings)


def export(store: Store, settings: Settings, name: str, folder: Path) -> list[Path]:
    """Copies in `folder` of the original and every rendering, each verified, under names that cannot disturb."""
    message = store.messages.named(name)
    verify_message(message, settings)
    original = settings.originals_dir / message.original_sha256
    if not original.is_file():
        raise NotFound(f"the original of {name!r} is not in {original.parent} any more: add the recording again")
    sources = {f"original-{message.original_sha256[:12]}{_extension(message.original_name)}": original}
    for extension in message.renderings:
        sources[f"{message.sound}.{extension}"] = settings.sounds_dir / f"{message.sound}.{extension}"
    if hashlib.sha256(original.read_bytes()).hexdigest() != message.original_sha256:
        raise Permanent(f"the original of {name!r} was changed since it was added: add the recording again")
    for target, source in sources.items():
        sound.write_whole(folder / target, source.read_bytes())
    return [folder / target for target in sources]


def _extension(name: str) -> str:
    """The ending of a file's name, when it is one of a few letters and digits; else nothing."""
    ending = Path(name).suffix
    return ending.lower() if len(ending) <= 6 and ending[1:].isalnum() and ending.isascii() else ""


def check_said(name: str, said: Said) -> None:
    """Returns when a message can have that name and what was said of it; else Refused."""
    if not name.strip() or not _fits(name, LONGEST_NAME):
        raise Refused(f"a message's name is 1 to {LONGEST_NAME} printable characters, not {name[:40]!r}")
    for what, text in (("sponsor", said.sponsor), ("voice consent", said.voice_consent)):
        if not _fits(text, LONGEST_NAME):
            raise Refused(f"the {what} is at most {LONGEST_NAME} printable characters on one line")
    if said.origin is Origin.CLONED and not said.voice_consent.strip():
        raise Refused(
            "a cloned voice needs --voice-consent: where the written agreement of that voice's owner can be read"
        )


def _person(by: str) -> str:
    if not _fits(by, 64):
        raise Refused("a person is named in at most 64 printable characters")
    return by.strip() or login_name()


def _fits(text: str, longest: int) -> bool:
    return len(text) <= longest and (not text or text.isprintable())


def _now_ms() -> int:
    return int(time.time() * 1000)
