import csv
import random
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ivr.adapters.contact_columns import names_a_number
from ivr.adapters.contact_file import table
from ivr.adapters.contact_rows import Row, read
from ivr.adapters.contact_text import LONGEST_LINE
from ivr.adapters.rejects_file import Rejected, write_rejects
from ivr.errors import ContactsRefused


def file(tmp_path: Path, content: str | bytes, encoding: str = "utf-8") -> Path:
    path = tmp_path / "contacts.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


@dataclass(frozen=True)
class Accepted:
    """A row with a number that may be called. fields: the other columns by header."""

    line: int
    number: str
    fields: dict[str, str]


def rows(path: Path) -> list[Accepted | Rejected]:
    found = list(read(path, "FR"))
    opened = table(path)
    cells = {record.line: record.cells for record in opened.records() if not isinstance(record, Rejected)}
    return [_accepted(row, opened.names, cells[row.line]) if isinstance(row, Row) else row for row in found]


def _accepted(row: Row, names: list[str], cells: list[str]) -> Accepted:
    others = {name: cell.strip() for name, cell in zip(names, cells, strict=False) if not names_a_number(name)}
    return Accepted(row.line, f"+{row.number}", others)


def accepted(path: Path) -> list[Accepted]:
    found = rows(path)
    assert all(isinstance(row, Accepted) for row in found), found
    return [row for row in found if isinstance(row, Accepted)]


def reasons(path: Path) -> list[tuple[int, str]]:
    return [(row.line, str(row.reason) if isinstance(row, Rejected) else "") for row in rows(path)]


NAMES = ["Élodie", "François Müller", "Zoë", "Hélène Béranger", "Noël à l'être", "Çelik"]


@pytest.mark.parametrize("header", ["Prénom;Téléphone", "nom;tel"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1", "mac_roman"]
)
def test_encodings(tmp_path: Path, encoding: str, header: str) -> None:
    lines = [header, *(f"{name};06 12 34 56 {at:02}" for at, name in enumerate(NAMES))]
    found = accepted(file(tmp_path, "\r\n".join(lines), encoding))
    assert [next(iter(row.fields.values())) for row in found] == NAMES
    assert [row.number for row in found] == [f"+336123456{at:02}" for at in range(6)]
    assert [row.line for row in found] == [2, 3, 4, 5, 6, 7]


def test_a_dos_export_whose_header_tells(tmp_path: Path) -> None:
    found = accepted(file(tmp_path, "Prénom;Téléphone\nHélène;0612345678", "cp850"))
    assert found[0].fields == {"Prénom": "Hélène"}


def test_latin_letters_late_in_a_long_file(tmp_path: Path) -> None:
    body = "".join(f"Dupont;06123{at:05}\n" for at in range(10_000))
    path = file(tmp_path, f"nom;tel\n{body}Hélène;0798765432\n", "cp1252")
    assert accepted(path)[-1].fields == {"nom": "Hélène"}


def test_one_damaged_letter_does_not_garble_the_others(tmp_path: Path) -> None:
    content = "nom;tel\n" + "".join(f"{name};06123456{at:02}\n" for at, name in enumerate(NAMES))
    found = accepted(file(tmp_path, content.encode() + b"Zo\xeb;0698765432\n"))
    assert [row.fields["nom"] for row in found] == [*NAMES, "Zo\ufffd"]


@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
def test_separators(tmp_path: Path, separator: str) -> None:
    lines = [("nom", "téléphone", "ville"), ('"Dupont, ; | fils"', "0612345678", "Nîmes")]
    found = accepted(file(tmp_path, "\n".join(separator.join(line) for line in lines)))
    assert found[0].fields == {"nom": "Dupont, ; | fils", "ville": "Nîmes"}


def test_one_column_a_told_separator_blank_lines_and_old_line_ends(tmp_path: Path) -> None:
    assert [row.number for row in accepted(file(tmp_path, "phone\n0612345678\n"))] == ["+33612345678"]
    assert accepted(file(tmp_path, "sep=|\n\nnom, prénom|tel\nA|0612345678"))[0].fields == {"nom, prénom": "A"}
    found = accepted(file(tmp_path, "\n\nnom;tel\r;\rA;0612345678\r\r \rB;0612345679"))
    assert [row.line for row in found] == [5, 8]


def test_quoted_line_ends_and_quotes(tmp_path: Path) -> None:
    found = accepted(file(tmp_path, 'adresse,tel\n"1, rue ""X""\r\n2e étage",0612345678\n5" pipe,0612345679\n'))
    assert [(row.line, row.fields["adresse"]) for row in found] == [(2, '1, rue "X"\n2e étage'), (4, '5" pipe')]


@pytest.mark.parametrize(
    "content", ['nom,tel\n"A,0612345678\n"B",0612345679\nC,0612345680\n', 'nom,tel\n"A,0612345678\nC,0612345680']
)
def test_a_quote_never_closed_costs_one_line(tmp_path: Path, content: str) -> None:
    found = rows(file(tmp_path, content))
    assert isinstance(found[0], Rejected)
    assert (found[0].line, found[0].reason, found[0].was_read) == (2, "unclosed_quote", '"A,0612345678')
    assert isinstance(found[-1], Accepted)
    assert found[-1].number == "+33612345680"
    assert len(found) == content.strip().count("\n")


@pytest.mark.parametrize(
    "header",
    [
        "numero",
        "Numéro",
        "N°",
        "NUMÉRO DE TÉLÉPHONE",
        "Téléphone",
        "tel.",
        "Tél portable",
        "Mobile",
        "phone_number",
        "PhoneNumber",
        "portable",
        "GSM",
        "number",
        "telephone",
        "Mobile phone",
        "TELEPHONE 1",
        "tel_fixe",
        "MSISDN",
        "num tel",
        "cell",
        "﻿phone",
    ],
)
def test_headers_that_name_a_number(header: str) -> None:
    assert names_a_number(header)


@pytest.mark.parametrize(
    "header",
    [
        "nom",
        "",
        "numéro de rue",
        "N° voie",
        "house number",
        "customer number",
        "fax",
        "type de téléphone",
        "phone_optin",
        "automobile",
        "francophone",
        "date tel",
        "code postal",
        "Numéro client",
    ],
)
def test_headers_that_do_not(header: str) -> None:
    assert not names_a_number(header)


def test_several_number_columns(tmp_path: Path) -> None:
    content = (
        "fixe;mobile;nom\n"
        "0162123456;0612345678;both\n"
        "0162123457;;landline\n"
        ";0612345679;mobile\n"
        "faux;0162123458;second\n"
        "faux;15;none\n"
        ";;nothing\n"
    )
    found = rows(file(tmp_path, content))
    assert [row.number for row in found if isinstance(row, Accepted)] == [
        "+33612345678",
        "+33162123457",
        "+33612345679",
        "+33162123458",
    ]
    assert [(row.line, row.reason) for row in found if isinstance(row, Rejected)] == [(6, "letters"), (7, "empty")]


def test_rejected_rows(tmp_path: Path) -> None:
    content = (
        "nom;tel\nA;0612345678\nB;+33 6 12 34 56 78\nC;0899123456\nD\nE;0612345679;x\nF;0612345680;\nG;06\x0012345681\n"
    )
    path = file(tmp_path, content)
    assert reasons(path) == [
        (2, ""),
        (3, ""),
        (4, "special"),
        (5, "empty"),
        (6, "too_many_columns"),
        (7, ""),
        (8, "nul_character"),
    ]


def test_a_line_of_ten_megabytes_is_one_rejected_row_in_little_memory(tmp_path: Path) -> None:
    path = file(
        tmp_path, "nom;tel\nA;0612345678\n" + "x" * 10_000_000 + ";0612345670\n" + 'B;0612345679\n"' + "y" * 70_000
    )
    tracemalloc.start()
    found = rows(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert reasons(path) == [(2, ""), (3, "line_too_long"), (4, ""), (5, "line_too_long")]
    assert peak < 8_000_000
    assert isinstance(found[1], Rejected)
    assert len(found[1].was_read) == 200


def test_a_line_too_long_inside_quotes(tmp_path: Path) -> None:
    content = 'nom;tel\n"A;0612345678\n' + "x" * (LONGEST_LINE + 1) + '\n"B";0612345679\n'
    assert reasons(file(tmp_path, content)) == [(2, "unclosed_quote"), (3, "line_too_long"), (4, "")]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b" \r\n\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b";;;\n", "is empty"),
        (b'"";""\n', "is empty"),
        (b"\xff", "is empty"),
        (b"nom;tel\n", "header but no rows"),
        (b"nom;tel\n;\n\n", "header but no rows"),
        (b"nom;ville\nA;B\n", r"no number column \(found: nom, ville\)"),
        (b"0612345678\n0612345679\n", "no number column"),
        (b"PK\x03\x04\x14\x00\x06\x00", "Excel or LibreOffice workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel workbook"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\x1f\x8b\x08\x00", "compressed"),
        (random.Random(1).randbytes(5000), "not a text file"),
        (b"\x00" * 5000, "not a text file"),
        (b"x" * 10_000_000, "line 1 of .* is longer than 65536 characters"),
        (b'"nom;tel\n' * 3, "quote that is never closed"),
    ],
)
def test_files_that_cannot_be_used_get_one_sentence(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(ContactsRefused, match=says) as refused:
        rows(file(tmp_path, content))
    assert "\n" not in str(refused.value)


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ContactsRefused, match="does not exist"):
        read(tmp_path / "none.csv", "FR")
    with pytest.raises(ContactsRefused, match="is not a file"):
        read(tmp_path, "FR")


def big(path: Path, size: int) -> Path:
    with path.open("w") as text:
        text.write("nom;telephone;ville\n")
        text.writelines(f"Dupont {at};06{10_000_000 + at * 7};Besançon\n" for at in range(size))
    return path


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    peaks = []
    for size in (1_000, 6_000):
        path = big(tmp_path / f"{size}.csv", size)
        tracemalloc.start()
        assert sum(1 for _ in read(path, "FR")) == size  # the numbers already met are in SQLite's own bounded cache
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 500_000


def test_progress_goes_from_little_to_all(tmp_path: Path) -> None:
    path, seen = big(tmp_path / "big.csv", 3_500), list[tuple[int, int]]()
    assert len(list(read(path, "FR", lambda done, total: seen.append((done, total))))) == 3_500
    size = path.stat().st_size
    assert len(seen) == 4
    assert seen == sorted(seen)
    assert seen[-1] == (size, size)


def test_rows_come_as_they_are_read(tmp_path: Path) -> None:
    reading = read(big(tmp_path / "big.csv", 50), "FR")
    assert [row.line for row in islice(reading, 2)] == [2, 3]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@given(st.one_of(st.binary(max_size=400), st.binary(max_size=300).map(lambda rest: b"nom;tel\nA;0612345678\n" + rest)))
def test_any_bytes_are_rows_or_one_refusal(tmp_path: Path, content: bytes) -> None:
    with suppress(ContactsRefused):
        lines = [row.line for row in rows(file(tmp_path, content))]
        assert lines == sorted(set(lines))


@pytest.mark.parametrize("hostile", ["=1+1", "+33612345678", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", " =1"])
def test_no_cell_of_the_rejects_is_a_formula(tmp_path: Path, hostile: str) -> None:
    path = tmp_path / "rejects.csv"
    assert write_rejects(path, [Rejected(3, "letters", hostile), Rejected(4, "duplicate", "A;06", 2)]) == 2
    with path.open(encoding="utf-8-sig", newline="") as text:
        found = list(csv.reader(text, delimiter=";"))
    assert found == [["line", "reason", "read"], ["3", "letters", f"'{hostile}"], ["4", "duplicate of line 2", "A;06"]]
    assert path.stat().st_mode & 0o077 == 0


def broken_off() -> Iterator[Rejected]:
    yield Rejected(2, "empty", "")
    raise KeyError


def test_the_file_of_rejects_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    path.write_text("before")
    with pytest.raises(KeyError):
        write_rejects(path, broken_off())
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(ContactsRefused, match="cannot be written"):
        write_rejects(tmp_path / "no" / "folder.csv", [])
