"""The lab: plans an electorate, runs its carrier on loopback, and keeps the truth."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ivr.adapters.carrier import files
from ivr.adapters.carrier.mouth import FRAME_MS
from ivr.adapters.carrier.orders import PEOPLE
from ivr.adapters.carrier.sipp import Carrier, Ports, free_port
from ivr.adapters.pbx import programs
from ivr.adapters.store import Store
from ivr.errors import BadSetting, NotFound, NotReady, Refused, SetUpFailed
from ivr.rules.electorate import Person, SegmentLengths, as_drawn, called_again, electorate
from ivr.rules.records import Campaign
from ivr.rules.segments import Segment
from ivr.rules.truth import TruthRow
from ivr.rules.versions import borders, place, version_at
from ivr.settings import Settings, Trunk

SOUNDS, CONTACTS, TRUTH, CARRIER = "sounds.json", "contacts.csv", "truth.csv", "carrier.json"
VERSIONS = "versions"
ANY_LENGTHS = SegmentLengths(1000, 1000, 1000, 1000)
"""Who the people are does not hang on what is played."""
SAMPLES_PER_MS = 8
LOOK_EVERY_S = 0.1
WRITE_EVERY_S = 1.0
SETTLE_S = 0.5
"""An ear closes its account this long after its call's end, at the latest."""


def lab_dir(settings: Settings) -> Path:
    """Where the lab keeps its files."""
    return settings.var_dir / "lab"


def require_loopback(trunk: Trunk) -> None:
    """The trunk's host is this machine's loopback. Raises Refused: the lab never calls through a real carrier."""
    for host in (*trunk.hosts, *([trunk.outbound_proxy] if trunk.outbound_proxy else [])):
        _require_loopback(host)


def _require_loopback(host_and_port: str) -> None:
    host = host_and_port
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise Refused(f"the lab uses loopback only: the trunk's host {host_and_port} is not on it (127.0.0.1 is)")


def set_sounds(settings: Settings, sounds: Mapping[Segment, str], versions: Sequence[str] = ()) -> SegmentLengths:
    """The lab knows what will be played: hash of the A-law rendering of each segment, all four. Raises NotFound.

    versions: the hash of each version's message, when there are several.
    """
    missing = [segment for segment in Segment if segment not in sounds]
    if missing:
        raise NotFound(f"the lab needs the sound of {', '.join(missing)}: give --sound {missing[0]}=HASH")
    facts: dict[str, Any] = {segment: _fact(settings, sound) for segment, sound in sounds.items()}
    facts[VERSIONS] = [_fact(settings, sound) for sound in versions]
    lab_dir(settings).mkdir(parents=True, exist_ok=True)
    _replace(lab_dir(settings) / SOUNDS, json.dumps(facts, indent=1))
    return _lengths(settings)[0]


def set_campaign(settings: Settings, campaign: Campaign) -> None:
    """The lab knows what that campaign plays."""
    sounds = {segment: getattr(campaign, segment.value).sound for segment in Segment}
    set_sounds(settings, sounds, [version.sound.sound for version in campaign.versions])


def drawn(store: Store, campaign: Campaign, numbers: Collection[str]) -> dict[str, int]:
    """The version of the message that each of these people will hear; nothing when there is but one.

    Worked out by the rule and not asked of the targets, so that it can be compared with them. Raises Refused when one
    of them is no contact yet: the draw is by the contact.
    """
    if not campaign.versions:
        return {}
    contacts_by_number = store.contacts.ids(numbers)
    if missing := len(numbers) - len(contacts_by_number):
        raise Refused(
            f"{missing} of {len(numbers)} people are no contacts yet, and who hears which version of "
            f"{campaign.name!r} is drawn among contacts: `ivr contacts import` the lab's {CONTACTS} first"
        )
    ends = borders([version.share for version in campaign.versions])
    return {number: version_at(place(campaign.id, one), ends) for number, one in contacts_by_number.items()}


def contacts(settings: Settings, count: int, seed: int) -> Path:
    """contacts.csv holds the numbers of the electorate of `plan`, whatever will be played: a campaign can be made."""
    folder = lab_dir(settings)
    folder.mkdir(parents=True, exist_ok=True)
    files.write_contacts(folder / CONTACTS, electorate(count, seed, ANY_LENGTHS))
    return folder / CONTACTS


def numbers(count: int, seed: int) -> list[str]:
    """The numbers of the electorate of `plan`, whatever will be played."""
    return [person.number for person in electorate(count, seed, ANY_LENGTHS)]


def plan(
    settings: Settings, count: int, seed: int, again: float = 0.0, versions: Mapping[str, int] | None = None
) -> list[Person]:
    """people.csv and contacts.csv hold a new electorate; what is known of an earlier one is gone.

    The segments are those of `set_sounds`. again: the share of people who do not answer their first calls. versions:
    by number, which one each hears. A carrier that is running starts anew with these people.
    """
    planned = [electorate(count, seed, lengths) for lengths in _lengths(settings)]
    return plan_people(settings, called_again(as_drawn(planned, versions or {}), again, seed))


def plan_people(settings: Settings, people: list[Person]) -> list[Person]:
    """people.csv and contacts.csv hold exactly these people; as `plan` otherwise."""
    folder = lab_dir(settings)
    for old in (*folder.glob("calls-*.log"), *folder.glob("ears-*.jsonl"), folder / TRUTH):
        old.unlink(missing_ok=True)
    files.write_contacts(folder / CONTACTS, people)
    files.write_people(folder / PEOPLE, people)
    return people


def truth(settings: Settings, patience_s: float = 10.0) -> list[TruthRow]:
    """The truth, with everything that the carrier had noted when this was asked. Raises NotFound."""
    folder = lab_dir(settings)
    if (folder / CARRIER).is_file():
        ended_s = max((_changed_s(path) for path in folder.glob("calls-*.log")), default=0.0)
        time.sleep(max(0.0, min(SETTLE_S, ended_s + SETTLE_S - time.time())))
    asked_s, limit = time.time(), time.monotonic() + patience_s
    while (folder / CARRIER).is_file() and time.monotonic() < limit:
        noted_s = max(_changed_s(path) for path in (*folder.glob("calls-*.log"), *folder.glob("ears-*.jsonl")))
        if _changed_s(folder / TRUTH) >= min(noted_s, asked_s):
            break
        time.sleep(LOOK_EVERY_S)
    return files.read_truth(folder / TRUTH)


def _changed_s(path: Path) -> float:
    return path.stat().st_mtime if path.is_file() else 0.0


def wait_ready(settings: Settings, timeout_s: float = 15.0) -> Ports:
    """The carrier answers for the people now planned; its ports. Raises NotReady after `timeout_s`."""
    limit = time.monotonic() + timeout_s
    while time.monotonic() < limit:
        try:
            state = json.loads((lab_dir(settings) / CARRIER).read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            state = {}
        if state.get("plan") and state["plan"] == _plan_digest(settings):
            return Ports(state["sip_port"], state["media_port"])
        time.sleep(LOOK_EVERY_S)
    raise NotReady("the simulated carrier is not up: start it with `ivr lab carrier`, or set lab.enabled and `ivr up`")


def run_carrier(
    settings: Settings, stopping: Callable[[], bool], write_now: Callable[[], bool] = lambda: False
) -> None:
    """The carrier serves whoever is planned, first waiting for a plan, until `stopping()`; then truth.csv is complete.

    The truth is written at most once a second when something changed, and at once when `write_now()`.
    Raises PortInUse, ProgramMissing, SetUpFailed.
    """
    ports = Ports(settings.lab.sip_port or free_port(), settings.lab.media_port or free_port())
    while not stopping():
        digest = _plan_digest(settings)
        if digest:
            _Shift(settings, ports, digest).serve(stopping, write_now)
        time.sleep(LOOK_EVERY_S)


@dataclass
class _Shift:
    """The carrier's work for one plan."""

    settings: Settings
    ports: Ports
    digest: str
    written_s: float = 0
    pause_s: float = WRITE_EVERY_S
    dirty: bool = True

    def serve(self, stopping: Callable[[], bool], write_now: Callable[[], bool]) -> None:
        """Until `stopping()` or until another electorate is planned."""
        folder = lab_dir(self.settings)
        sounds, versions = _played(self.settings)
        carrier = Carrier(
            folder,
            programs.find("sipp", self.settings.cache_dir),
            self.ports,
            {segment: _sound_file(self.settings, sound) for segment, sound in sounds.items()},
            [_sound_file(self.settings, sound) for sound in versions],
        )
        carrier.start()
        try:
            self._keep_truth(carrier, at_once=True)
            self._announce(folder)
            while not stopping() and _plan_digest(self.settings) == self.digest:
                if not carrier.alive():
                    raise SetUpFailed(f"the simulated carrier died: see {folder}/sipp.out and media.out")
                self._keep_truth(carrier, write_now())
                time.sleep(LOOK_EVERY_S)
        finally:
            (folder / CARRIER).unlink(missing_ok=True)
            carrier.stop()
            if _plan_digest(self.settings) == self.digest:
                files.write_truth(folder / TRUTH, carrier.truth())

    def _announce(self, folder: Path) -> None:
        state = {"sip_port": self.ports.sip, "media_port": self.ports.media, "pid": os.getpid(), "plan": self.digest}
        _replace(folder / CARRIER, json.dumps(state))

    def _keep_truth(self, carrier: Carrier, at_once: bool) -> None:
        """Writing takes at most a tenth of the time, however many the people."""
        self.dirty = carrier.changed() or self.dirty
        now_s = time.monotonic()
        if at_once or (self.dirty and now_s - self.written_s >= self.pause_s):
            files.write_truth(lab_dir(self.settings) / TRUTH, carrier.truth())
            self.written_s = time.monotonic()
            self.pause_s = max(WRITE_EVERY_S, 10 * (self.written_s - now_s))
            self.dirty = False


def _plan_digest(settings: Settings) -> str:
    """Names the people and sounds now planned, "" while there are none.

    The same people planned again are another plan: what they did before is gone, and the carrier starts anew.
    """
    digest = hashlib.sha256()
    try:
        for name in (SOUNDS, PEOPLE):
            digest.update((lab_dir(settings) / name).read_bytes())
        digest.update(str((lab_dir(settings) / PEOPLE).stat().st_mtime_ns).encode())
    except FileNotFoundError:
        return ""
    return digest.hexdigest()


def _fact(settings: Settings, sound: str) -> dict[str, Any]:
    return {"sound": sound, "length_ms": _length_ms(settings, sound)}


def _played(settings: Settings) -> tuple[dict[Segment, str], list[str]]:
    """The sound of each segment, and of each version's message when there are several."""
    path = lab_dir(settings) / SOUNDS
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        sounds = {segment: str(facts[segment]["sound"]) for segment in Segment}
        return sounds, [str(fact["sound"]) for fact in facts.get(VERSIONS, [])]
    except FileNotFoundError:
        raise NotFound(f"{path} does not exist: give `ivr lab people` the sounds, --sound message=HASH …") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadSetting(f"{path} must hold {{segment: {{sound, length_ms}}}} for {', '.join(Segment)}") from None


def _lengths(settings: Settings) -> list[SegmentLengths]:
    """Of the segments, for each version of the message."""
    sounds, versions = _played(settings)
    return [
        SegmentLengths(
            **{f"{one}_ms": _length_ms(settings, sound) for one, sound in (sounds | {Segment.MESSAGE: message}).items()}
        )
        for message in versions or [sounds[Segment.MESSAGE]]
    ]


def _length_ms(settings: Settings, sound: str) -> int:
    length_ms = _sound_file(settings, sound).stat().st_size // SAMPLES_PER_MS
    if length_ms < 10 * FRAME_MS:
        raise Refused(f"sound {sound} lasts {length_ms} ms: the lab needs {10 * FRAME_MS} ms at least")
    return length_ms


def _sound_file(settings: Settings, sound: str) -> Path:
    path = settings.sounds_dir / f"{sound}.alaw"
    if "/" in sound or not path.is_file():
        raise NotFound(f"there is no sound {sound} in {settings.sounds_dir}: add the message first")
    return path


def _replace(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)
