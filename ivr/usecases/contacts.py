"""Importing contacts: a file becomes a batch, once; what was rejected stands in a file with line and reason."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from ivr.adapters import provenance_file
from ivr.adapters.contact_file import Accepted, Rejected, RejectsFile, read
from ivr.adapters.store import Store
from ivr.adapters.store.contacts import FileOrigin
from ivr.errors import ContactsRefused
from ivr.rules.provenance import UNDECLARED, Provenance, check
from ivr.rules.records import SourceBatch
from ivr.settings import Settings
from ivr.usecases.campaigns import now_ms
from ivr.usecases.who import login_name

Progress = Callable[[int, int], None]

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
    """The file's valid numbers are contacts of one new batch, committed whole; the same file again changes nothing.

    Raises ContactsRefused with one sentence when the file cannot be used, ProvenanceRefused with a rule's name when
    contacts of that origin may not be; then nothing was changed.
    """
    if name is not None and (not name.strip() or not name.isprintable() or len(name) > LONGEST_NAME):
        raise ContactsRefused(f"a name is 1 to {LONGEST_NAME} printable characters, not {name[:40]!r}")
    check(provenance, datetime.now(UTC).date())
    rows = read(path, settings.calls.country, progress)  # refuses before anything is written
    digest = _sha256(path)
    known = store.contacts.batch_of_file(digest)
    if known is not None:
        rejects = _rejects_path(settings, digest)
        return Import(known, rejects if rejects.exists() else None, known=True)
    rejects = _rejects_path(settings, digest)
    rejects.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with RejectsFile(rejects) as rejected:
        people = _accepted(rows, rejected)
        origin = FileOrigin(name or _shown(path.stem)[:LONGEST_NAME], _shown(path.name), digest)
        batch = store.contacts.import_batch(origin, people, lambda: rejected.count, now_ms(), provenance)
    return Import(batch, _kept(rejects, rejected.count), known=False)


def declared(path: Path | None) -> Provenance:
    """What the file declares, with the name of who imports; nothing when there is no file."""
    return UNDECLARED if path is None else replace(provenance_file.read(path), uploader=login_name())


def _accepted(rows: Iterator[Accepted | Rejected], rejected: RejectsFile) -> Iterator[tuple[str, str]]:
    for row in rows:
        if isinstance(row, Accepted):
            yield row.number.e164, row.number.line_type.value
        else:
            rejected.add(row)


def _shown(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)


def _kept(rejects: Path, count: int) -> Path | None:
    if count:
        return rejects
    rejects.unlink()
    return None


def _rejects_path(settings: Settings, digest: str) -> Path:
    return settings.var_dir / "rejects" / f"{digest[:12]}.csv"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
