"""The forms of an invoice: CSV for spreadsheets and campaign accounts, JSON, PDF, text."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Table as Shown

from ivr.adapters.pdf import pdf
from ivr.doors.invoice.sheet import sheet
from ivr.doors.invoice.words import Say
from ivr.doors.report.as_csv import BYTE_ORDER_MARK, Cell, harmless
from ivr.doors.sheet import Sheet
from ivr.rules.invoice import Line
from ivr.rules.price_list import PRICE_UNITS
from ivr.usecases.invoicing import Invoice, content

COLUMNS = (
    "number", "final", "campaign_id", "campaign", "sponsor", "payer", "account_code", "election", "territory",
    "channel", "started", "finished", "messages", "loaded", "attempted", "answered", "completed", "seconds",
    "line", "tier", "quantity", "unit", "unit_price", "net", "vat_percent", "vat_of_all", "gross_of_all",
    "currency", "price_list",
)  # fmt: skip
"""The same names in every language: programs read them. Amounts are of the currency, with two decimals."""


def as_json(made: Invoice) -> str:
    """All that it says, with its own hash."""
    told = content(made) | {"made_at_ms": made.made_at_ms, "sha256": made.sha256}
    return json.dumps(told, ensure_ascii=False, indent=2, default=str)


def as_csv(made: Invoice, excel: bool = False, account_code: str = "") -> str:
    """A row per line of the invoice. excel: as a French Excel opens it by double click; no cell is a formula."""
    out = io.StringIO(newline="")
    table = csv.writer(out, delimiter=";" if excel else ",", lineterminator="\r\n")
    table.writerow(COLUMNS)
    table.writerows([_cell(cell, excel) for cell in row] for row in _rows(made, account_code))
    return (BYTE_ORDER_MARK if excel else "") + out.getvalue()


def as_pdf(made: Invoice, language: str) -> bytes:
    """Tagged, so that it can be read aloud."""
    return pdf("sheet", sheet(made, language).plain())


def show(made: Invoice, console: Console, language: str) -> None:
    """On the terminal."""
    laid: Sheet = sheet(made, language)
    console.print(f"[bold]{escape(laid.title)}[/]")
    for name, text in laid.facts:
        console.print(f"  {escape(name)}: {escape(text)}")
    for one in laid.tables:
        console.print(f"\n[bold]{escape(one.title)}[/]")
        shown = Shown(box=None, pad_edge=False, header_style="dim")
        for column in one.columns:
            shown.add_column(escape(column.name), justify="right" if column.right else "left", overflow="fold")
        for row in one.rows:
            shown.add_row(*map(escape, row))
        console.print(shown)
    console.print()
    for note in laid.notes:
        console.print(f"[dim]{escape(note)}[/]")


def as_text(made: Invoice, language: str) -> str:
    """As on a terminal a hundred columns wide."""
    plain = Console(width=100, record=True, file=io.StringIO())
    show(made, plain, language)
    return plain.export_text()


def _rows(made: Invoice, account_code: str) -> Iterator[list[Cell]]:
    facts = [
        *(made.number, int(made.final), made.campaign_id, made.campaign, made.sponsor, made.buyer.payer, account_code),
        *(made.election, made.territory, made.channel, _instant(made.started_ms), _instant(made.finished_ms)),
        "; ".join(f"{one.name} sha256:{one.sha256}" for one in made.played),
        *(sum(getattr(one, name) for one in made.played) for name in ("loaded", "attempted", "answered")),
        None if any(one.completed is None for one in made.played) else sum(one.completed or 0 for one in made.played),
        sum(one.billed_s for one in made.played),
    ]
    bill = made.bill
    sums = [_amount(bill.vat_bp), _amount(bill.vat_cents), _amount(bill.gross_cents), bill.currency, made.prices.name]
    for line in bill.lines:
        yield [*facts, *_line(line), *sums]


def _line(line: Line) -> list[Cell]:
    unit = "second, priced by minute" if line.kind == "voice" else "piece"
    price = f"{line.price // PRICE_UNITS}.{line.price % PRICE_UNITS:05d}"
    return [line.kind, line.tier or None, line.quantity, unit, Decimals(price), _amount(line.net_cents)]


class Decimals(str):
    """Digits with a decimal point, which a spreadsheet is to read as a number."""


def _amount(hundredths: int) -> Decimals:
    return Decimals(f"{hundredths // 100}.{hundredths % 100:02d}")


def _cell(cell: Cell, excel: bool) -> str:
    if isinstance(cell, Decimals):
        return cell.replace(".", ",") if excel else str(cell)
    if isinstance(cell, str):
        return harmless(cell)
    return "" if cell is None else str(cell)


def _instant(at_ms: int | None) -> str:
    return "" if at_ms is None else Say.instant(at_ms)
