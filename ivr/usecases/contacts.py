"""Importing contacts: a file becomes a batch, once; what was rejected stands in a file with line and reason.

The file is read and sorted outside the database; what is written goes there in short transactions, so that calls go on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from ivr.adapters import provenance_file
from ivr.adapters.contact_rows import read
from ivr.adapters.contact_stage import Stage, Staged, staging
from ivr.adapters.contact_table import Progress as FileProgress
from ivr.adapters.rejects_file import Rejected, RejectsFile
from ivr.adapters.store import Store
from ivr.adapters.store.contacts import FileOrigin
from ivr.adapters.store.incoming import Arrival
from ivr.errors import ContactsRefused
from ivr.rules.provenance import UNDECLARED, Provenance, check
from ivr.rules.records import SourceBatch
from ivr.settings import Settings
from ivr.usecases.campaigns import now_ms
from ivr.usecases.who import login_name

Progress = Callable[[str, int, int], None]
"""Called with what is being done (reading, writing, counting), how much of it is done, and how much there is."""

DUPLICATE = "duplicate"
LONGEST_NAME = 128
"""The store keeps 200 characters, and adds 65 of its own where two files have one name."""


@dataclass(frozen=True, slots=True)
class Import:
    """What became of a file. rejects: where the rejected rows are, None if there were none. known: imported before."""

    batch: SourceBatch
    rejects: Path | None
    known: bool


def import_file(
    store: Store,
    settings: Settings,
    path: Path,
    name: str | None = None,
    progress: Progress | None = None,
    provenance: Provenance = UNDECLARED,
) -> Import:
    """The file's valid numbers are contacts of one batch; the same file again changes nothing.

    Killed in the middle, the batch is in no audience, and the same call goes on from where it was. Raises
    ContactsRefused with one sentence when the file cannot be used, ProvenanceRefused with a rule's name when contacts
    of that origin may not be; then nothing was changed.
    """
    if name is not None and (not name.strip() or not name.isprintable() or len(name) > LONGEST_NAME):
        raise ContactsRefused(f"a name is 1 to {LONGEST_NAME} printable characters, not {name[:40]!r}")
    check(provenance, datetime.now(UTC).date())
    country = settings.calls.country
    rows = read(path, country, _telling(progress, "reading"))  # refuses before anything is written
    digest = _sha256(path)
    rejects = _rejects_path(settings, digest)
    known = store.contacts.batch_of_file(digest)
    if known is not None and not known.loading:
        return Import(known, rejects if rejects.exists() else None, known=True)
    origin = FileOrigin(name or _shown(path.stem)[:LONGEST_NAME], _shown(path.name), digest)
    with staging(settings.var_dir / "imports" / f"{digest}-{country}") as stage:
        if not stage.whole:
            stage.fill(rows)
        rejects.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        batch, loaded_to = store.contacts.begin(origin, now_ms(), provenance)
        if batch.loading:  # another process may have finished it while we waited
            batch = _load(store, stage, (batch, loaded_to), rejects, progress)
    return Import(batch, rejects if rejects.exists() else None, known=False)


def _load(
    store: Store, stage: Stage, begun: tuple[SourceBatch, str], rejects: Path, progress: Progress | None
) -> SourceBatch:
    """What is not in the books yet goes there, a chunk at a time; then the file of rejects is in its place."""
    batch, loaded_to = begun
    writing, counting = _telling(progress, "writing"), _telling(progress, "counting")
    reasons, done, total = stage.reasons(), 0, stage.rows()
    with RejectsFile(rejects) as rejected:
        rejected.add_all_of(stage.rejects)
        for chunk in stage.chunks():
            for number, line, first in chunk.duplicates:
                rejected.add(Rejected(line, DUPLICATE, f"+{number}", first))
            reasons[DUPLICATE] += len(chunk.duplicates)
            if chunk.contacts[-1].number > int(loaded_to or 0):
                loaded_to = store.contacts.add(batch, [_arrival(one) for one in chunk.contacts], loaded_to)
            done += len(chunk.contacts) + len(chunk.duplicates)
            if writing:
                writing(done, total)
    if not reasons.total():
        rejects.unlink()
    for counted in store.contacts.count_cells(batch, now_ms()):
        if counting:
            counting(counted, total - reasons[DUPLICATE])
    return store.contacts.complete(batch, reasons)


def _arrival(one: Staged) -> Arrival:
    place = one.place
    facts = (place.departement, place.commune, place.postcode, one.birth_year or None, one.language or None, place.zone)
    return Arrival(f"+{one.number}", one.line_type.value, *facts, one.hash)


def declared(path: Path | None) -> Provenance:
    """What the file declares, with the name of who imports; nothing when there is no file."""
    return UNDECLARED if path is None else replace(provenance_file.read(path), uploader=login_name())


def _telling(progress: Progress | None, what: str) -> FileProgress | None:
    return None if progress is None else lambda done, total: progress(what, done, total)


def _shown(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)


def _rejects_path(settings: Settings, digest: str) -> Path:
    return settings.var_dir / "rejects" / f"{digest[:12]}.csv"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
