"""The rule packs of a campaign as they were when its calls were judged by them, for whoever asks years later."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from ivr.adapters import rule_packs
from ivr.adapters.files import write_whole
from ivr.adapters.store import Store
from ivr.errors import NotFound
from ivr.rules.records import Campaign
from ivr.settings import Settings
from ivr.usecases.who import login_name

KIND = "rules-kept"
USUAL_JURISDICTION = "fr"


def keep(store: Store, settings: Settings, campaign: Campaign, at_ms: int) -> None:
    """The rules as they stand are in the shared folder, each under its hash, and the journal says which they are.

    Nothing happens when they are those that were kept last.
    """
    files = as_they_stand(campaign)
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    if hashes in _kept(store, campaign)[-1:]:
        return
    for name, data in files.items():
        write_whole(_place(settings, hashes[name]), data)
    store.journal.add(KIND, f"campaign:{campaign.name}", login_name(), at_ms, files=hashes)


def as_used(store: Store, settings: Settings, campaign: Campaign) -> dict[str, bytes]:
    """Every version of a rule file that the campaign's calls were judged by, by name and first digits of its hash.

    As they stand when none was kept: the campaign was never started, or by a Portevoix that kept none.
    """
    kept = {(name, sha256) for files in _kept(store, campaign) for name, sha256 in files.items()}
    if not kept:
        return as_they_stand(campaign)
    return {_named(name, sha256): _read(settings, name, sha256) for name, sha256 in sorted(kept)}


def as_they_stand(campaign: Campaign) -> dict[str, bytes]:
    """The files of the campaign's pack and jurisdiction, with those they inherit, in this version."""
    found: set[Path] = set()
    for name in {campaign.pack, str(campaign.texts.get("jurisdiction") or USUAL_JURISDICTION)}:
        found |= rule_packs.files(name)
    return {file.name: file.read_bytes() for file in sorted(found)}


def _kept(store: Store, campaign: Campaign) -> list[Mapping[str, str]]:
    """What was kept of the campaign, oldest first: SHA-256 by file name."""
    entries = store.journal.entries(f"campaign:{campaign.name}")
    return [entry["said"]["files"] for entry in entries if entry["kind"] == KIND]


def _named(name: str, sha256: str) -> str:
    file = Path(name)
    return f"{file.stem}.{sha256[:8]}{file.suffix}"


def _read(settings: Settings, name: str, sha256: str) -> bytes:
    file = _place(settings, sha256)
    data = file.read_bytes() if file.is_file() else b""
    if hashlib.sha256(data).hexdigest() != sha256:
        raise NotFound(f"the rules {name} that the campaign was judged by are not whole: put {file} back from a backup")
    return data


def _place(settings: Settings, sha256: str) -> Path:
    return settings.shared_dir / "packs" / f"{sha256}.yaml"
