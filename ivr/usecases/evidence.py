"""The evidence of a campaign: one signed file with what was played, decided, permitted and done; no number in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ivr.adapters import signing
from ivr.adapters.files import write_whole
from ivr.adapters.store import Store
from ivr.errors import NotFound
from ivr.rules import chain
from ivr.rules.records import Campaign
from ivr.settings import Settings
from ivr.usecases import invoicing, rules_kept, transparency
from ivr.usecases.campaigns import now_ms
from ivr.usecases.reports import report_of
from ivr.usecases.who import login_name

SCHEMA = "portevoix.evidence/1"
SAMPLE = 50
"""Decisions of each kind, and proofs of consent beside theirs, in a file: the first by hash, so that nobody chooses."""
PARTS = ("preroll", "message", "notice", "confirmation")


@dataclass(frozen=True, slots=True)
class Verified:
    """What a whole evidence file says of itself. key: who signed it. files: how many."""

    campaign: str
    made_at_ms: int
    key: str
    files: int


def key_of(settings: Settings) -> str:
    """The public key of this installation, to be given to whoever shall check its evidence."""
    return signing.public_hex(signing.load_signing_key(settings.evidence_key_file))


def write(store: Store, settings: Settings, name: str, path: Path) -> Path:
    """The campaign's evidence is in that file. The refusals so far are sealed first, and the journal notes the file."""
    campaign = store.campaigns.named(name)
    store.refusals.seal(login_name(), now_ms())
    files = _texts(store, campaign) | _audio(settings, campaign)
    files |= {f"rules/{file}": data for file, data in rules_kept.as_used(store, settings, campaign).items()}
    files["manifest.json"] = _json(_manifest(store, campaign, files))
    data = signing.signed_zip(signing.load_signing_key(settings.evidence_key_file), files)
    write_whole(path, data)
    digest = hashlib.sha256(data).hexdigest()
    store.journal.add("evidence-written", f"campaign:{campaign.name}", login_name(), now_ms(), sha256=digest)
    return path


def verify(path: Path, known_key: str = "") -> Verified:
    """The file is what was signed, its files are those of its manifest, and its journal's seals hold; else NotWhole."""
    if not path.is_file():
        raise NotFound(f"there is no file {path}")
    files, key = signing.opened(path.read_bytes(), known_key)
    manifest = json.loads(files.get("manifest.json", b"{}"))
    found = {name: _sha256(data) for name, data in files.items() if name != "manifest.json"}
    if manifest.get("schema") != SCHEMA:
        raise signing.NotWhole("it has no manifest.json of this kind of file")
    if wrong := _differing(manifest["files"], found):
        raise signing.NotWhole(f"its files are not those of its manifest: {wrong[0]}")
    for name in ("journal.json", "consents.json"):
        _check_seals(name, json.loads(files[name]))
    return Verified(manifest["campaign"], manifest["made_at_ms"], key, len(found))


def _differing(listed: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """What is wrong with each file that is not as the manifest has it."""
    said = [f"{name} is missing" for name in ("journal.json", "consents.json", *listed) if name not in found]
    said += [f"{name} was added" for name in found if name not in listed]
    return said + [f"{name} was changed" for name in found if listed.get(name, found[name]) != found[name]]


def _check_seals(name: str, links: Iterable[Mapping[str, Any]]) -> None:
    for link in links:
        if link["hash"] != chain.hash_of(link["prev_hash"], link["seq"], link["body"]):
            raise signing.NotWhole(f"{name}: entry {link['seq']} is not what was sealed")


def _manifest(store: Store, campaign: Campaign, files: Mapping[str, bytes]) -> dict[str, Any]:
    heads = {"journal": store.journal.verify(), "consents": store.consents.verify()}
    told = {name: asdict(head) | {"broken": str(broken or "")} for name, (head, broken) in heads.items()}
    listed = {name: _sha256(data) for name, data in files.items()}
    made = {"schema": SCHEMA, "campaign": campaign.name, "made_at_ms": now_ms(), "made_by": login_name()}
    return made | {"chains": told, "refusals": store.refusals.broken() or "as they were sealed", "files": listed}


def _texts(store: Store, campaign: Campaign) -> dict[str, bytes]:
    """What is said of the campaign, as JSON."""
    sponsor = store.sponsors.named(campaign.sponsor)
    messages = store.messages.of_campaign(campaign.id)
    subjects = [f"campaign:{campaign.name}", f"sponsor:{campaign.sponsor}", "installation"]
    links = store.journal.links(*subjects, *(f"message:{message.name}" for message in messages))
    books = store.campaigns.books(campaign.id)
    decisions = store.decisions.sample(campaign.id, campaign.sponsor_id, SAMPLE)
    consents = store.consents.sample(campaign.id, campaign.sponsor_id, SAMPLE, decisions.proofs())
    told: dict[str, Any] = {
        "campaign.json": asdict(campaign),
        "messages.json": [asdict(message) for message in messages],
        "sponsor.json": asdict(sponsor) | {"caller_ids": [asdict(one) for one in store.sponsors.caller_ids(sponsor)]},
        "books.json": asdict(books) | {"balance": books.balance},
        "report.json": asdict(report_of(store, campaign)),
        "journal.json": [asdict(link) for link in links],
        "decisions.json": asdict(decisions),
        "consents.json": [asdict(link) for link in consents],
    }
    told["transparency.json"] = shown = transparency.notice(store, campaign, now_ms())
    if campaign.terms is not None:
        told["invoice.json"] = invoicing.content(invoicing.invoice_of(store, campaign.name))
    pages = {f"transparency.{one}.html": transparency.html(shown, one).encode() for one in ("fr", "en")}
    return {name: _json(value) for name, value in told.items()} | pages


def _audio(settings: Settings, campaign: Campaign) -> dict[str, bytes]:
    """What people heard, as Asterisk sent it (A-law, 8,000 samples a second)."""
    sounds = {getattr(campaign, part).sound for part in PARTS} | {one.sound.sound for one in campaign.versions}
    files = {name: settings.sounds_dir / f"{name}.alaw" for name in sorted(sounds)}
    missing = [name for name, file in files.items() if not file.is_file()]
    if missing:
        raise NotFound(f"the sound {missing[0]} is missing: add its recording again")
    return {f"audio/{name}.alaw": file.read_bytes() for name, file in files.items()}


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True, default=str).encode()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
