"""A bill as a table on the terminal."""

from __future__ import annotations

from rich.table import Table

from ivr.doors.invoice.words import Say
from ivr.rules.invoice import Bill


def table(bill: Bill, say: Say) -> Table:
    """The lines, their sum, the VAT and what is to be paid."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    made.add_column(say("line"))
    for column in ("quantity", "price", "net"):
        made.add_column(say(column), justify="right")
    for line in bill.lines:
        cells = (say.quantity(line), say.price(line, bill.currency), say.money(line.net_cents, bill.currency))
        made.add_row(say.line(line), *cells)
    for name, cents in (("net_sum", bill.net_cents), ("vat", bill.vat_cents), ("gross", bill.gross_cents)):
        title = f"{say(name)} {say.percent(bill.vat_bp)}" if name == "vat" else say(name)
        made.add_row(title, "", "", say.money(cents, bill.currency), style="bold" if name == "gross" else "")
    return made
