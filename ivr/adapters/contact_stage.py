"""A contacts file, read and sorted by number outside the database: what is loaded from it comes in order, once each.

Rows lie as fixed records in runs, each sorted; merging takes the same range of numbers from every run. Whatever the
size of the file, this needs the memory of one run. A stage that is whole survives a kill; one that is not is made anew.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ivr.adapters.contact_rows import Row
from ivr.adapters.rejects_file import Rejected, RejectsFile
from ivr.errors import ContactsRefused
from ivr.rules.numbers import LineType
from ivr.rules.territories import NOWHERE, Place

RECORD = np.dtype(
    [
        ("number", "u8"),
        ("line", "u4"),
        ("hash", "i8"),
        ("place", "u4"),
        ("birth", "u2"),
        ("language", "u2"),
        ("type", "u1"),
    ]
)
RUN_ROWS = 500_000
CHUNK_ROWS = 10_000
"""Contacts that come together, about: what the database is written at once. Larger ones hold up others for longer."""
LET_GO_CHUNKS = 64
"""After so many chunks what was read of the runs is let go: some 20 MB."""
TYPES = tuple(LineType)

Records = npt.NDArray[Any]


class Staged(NamedTuple):
    """A contact as it is loaded. number: E.164 digits. birth_year: 0, language: "" when not known."""

    number: int
    line_type: LineType
    place: Place
    birth_year: int
    language: str
    hash: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """Contacts in the order of their numbers; duplicates: number, line and first line of each row that was merged."""

    contacts: list[Staged]
    duplicates: list[tuple[int, int, int]]


@contextmanager
def staging(folder: Path) -> Iterator[Stage]:
    """A stage in that folder, nobody else's meanwhile. It is gone when the `with` ends well, or the file was refused.

    After a kill it is still there. ContactsRefused while another process has it, or when the disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ContactsRefused("this very file is being imported by another process: let it finish") from None
        folder.mkdir(exist_ok=True, mode=0o700)
        stage = Stage(folder)
        try:
            yield stage
        except OSError as error:
            raise ContactsRefused(f"the rows cannot be sorted in {folder}: {error.strerror}") from None
        finally:
            if sys.exc_info()[0] is None or not stage.whole:
                shutil.rmtree(folder, ignore_errors=True)


class Stage:
    """The sorted rows of one file, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._runs = folder / "runs.bin"
        self._told = folder / "stage.json"
        self.rejects = folder / "rejects.csv"

    @property
    def whole(self) -> bool:
        """True when nothing need be read again."""
        return self._told.exists()

    def fill(self, rows: Iterable[Row | Rejected]) -> None:
        """Every row is staged or among the rejects, on disk."""
        names, reasons, runs = _Names(), Counter[str](), []
        with RejectsFile(self.rejects) as rejected, self._runs.open("wb") as file:
            records = _records(rows, names, rejected, reasons)
            while len(run := np.fromiter(islice(records, RUN_ROWS), dtype=RECORD)):
                run[np.argsort(run["number"], kind="stable")].tofile(file)
                runs.append(len(run))
            file.flush()
            os.fsync(file.fileno())
        told = {"runs": runs, "reasons": reasons, "places": [astuple(place) for place in names.places]}
        fresh = self._told.with_suffix(".new")
        fresh.write_text(json.dumps(told | {"languages": names.languages}), encoding="utf-8")
        fresh.replace(self._told)

    def reasons(self) -> Counter[str]:
        """How many rows of the file were left out, by reason; duplicates are not among them."""
        return Counter(json.loads(self._told.read_text(encoding="utf-8"))["reasons"])

    def rows(self) -> int:
        """How many rows are staged, duplicates too."""
        return sum(json.loads(self._told.read_text(encoding="utf-8"))["runs"])

    def chunks(self) -> Iterator[Chunk]:
        """All contacts by rising number, each once: with the facts of its first row, gaps filled from later ones."""
        told = json.loads(self._told.read_text(encoding="utf-8"))
        if not told["runs"]:
            return
        places = [Place(*place) for place in told["places"]]
        with self._runs.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        everything = np.frombuffer(mapped, dtype=RECORD)
        ends = np.cumsum([0, *told["runs"]]).tolist()
        runs = [everything[begin:end] for begin, end in pairwise(ends)]
        for number, slices in enumerate(zip(*_cuts(runs, mapped), strict=True)):
            if number % LET_GO_CHUNKS == 0:
                _let_go(mapped)
            records = np.concatenate([run[cut] for run, cut in zip(runs, slices, strict=True)])
            if len(records):
                yield _chunk(records, places, told["languages"])


class _Names:
    """Places and languages by the number they have in records; 0 is what is not known."""

    def __init__(self) -> None:
        self.places = [NOWHERE]
        self.languages = [""]
        self._place = {NOWHERE: 0}
        self._same = {id(NOWHERE): 0}
        self._language = {"": 0}

    def place(self, place: Place) -> int:
        """Nearly always the very object that came before: then nothing is compared."""
        at = self._same.get(id(place))
        if at is None:
            at = self._place.get(place)
            if at is None:
                at = self._place[place] = self._same[id(place)] = len(self.places)
                self.places.append(place)
        return at

    def language(self, language: str) -> int:
        at = self._language.get(language)
        if at is None:
            at = self._language[language] = len(self.languages)
            self.languages.append(language)
        return at


def _records(
    rows: Iterable[Row | Rejected], names: _Names, rejected: RejectsFile, reasons: Counter[str]
) -> Iterator[tuple[int, ...]]:
    types = {line_type: at for at, line_type in enumerate(TYPES)}
    for row in rows:
        if isinstance(row, Rejected):
            rejected.add(row)
            reasons[str(row.reason)] += 1
        else:
            line, number, line_type, place, birth, language, hash_ = row
            yield number, line, hash_, names.place(place), birth, names.language(language), types[line_type]


def _cuts(runs: list[Records], mapped: mmap.mmap) -> Iterator[list[slice]]:
    """For each run its parts, range of numbers by range: together about CHUNK_ROWS rows each, no number in two."""
    every = max(CHUNK_ROWS // len(runs) // 4, 1)
    samples = []
    for run in runs:
        samples.append(run["number"][::every].copy())
        _let_go(mapped)
    step = max(CHUNK_ROWS // every, 1)
    borders = np.unique(np.sort(np.concatenate(samples))[step::step])
    for run in runs:
        at = [0, *np.searchsorted(run["number"], borders).tolist(), len(run)]
        _let_go(mapped)
        yield [slice(begin, end) for begin, end in pairwise(at)]


def _let_go(mapped: mmap.mmap) -> None:
    """The pages read so far are not held by this process any more: else the whole file would be, at the end."""
    mapped.madvise(mmap.MADV_DONTNEED)


def _chunk(records: Records, places: list[Place], languages: list[str]) -> Chunk:
    records = records[
        np.argsort(records["number"], kind="stable")
    ]  # runs are in the file's order: so are equal numbers
    again = np.flatnonzero(records["number"][1:] == records["number"][:-1]) + 1
    duplicates: list[tuple[int, int, int]] = []
    first = 0
    for at in again.tolist():
        if not duplicates or records["number"][first] != records["number"][at]:
            first = at - 1
        _fill_gaps(records, first, at)
        duplicates.append((int(records["number"][at]), int(records["line"][at]), int(records["line"][first])))
    kept = np.delete(records, again) if len(again) else records
    return Chunk(
        [
            Staged(number, TYPES[type_], places[place], birth, languages[language], hash_)
            for number, _, hash_, place, birth, language, type_ in kept.tolist()
        ],
        duplicates,
    )


def _fill_gaps(records: Records, first: int, other: int) -> None:
    for name in ("place", "birth", "language"):
        if not records[name][first]:
            records[name][first] = records[name][other]
