"""An invoice laid out: a title, facts, tables and notes, in words; what every form is made of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from ivr.doors.invoice.words import Say
from ivr.doors.sheet import Column, Sheet, Table
from ivr.usecases.invoicing import Invoice

UNKNOWN = "—"


def sheet(made: Invoice, language: str) -> Sheet:
    """The invoice in that language."""
    say = Say(language)
    title = f"{say('invoice' if made.final else 'provisional')} {made.number}"
    tables = (_lines(made, say), _played(made, say), _places(made, say), _said(made, say))
    facts = tuple((name, text or UNKNOWN) for name, text in _facts(made, say))
    return Sheet(
        title, made.sponsor, language, facts, tuple(one for one in tables if one.rows), tuple(_notes(made, say))
    )


def _facts(made: Invoice, say: Say) -> Iterator[tuple[str, str]]:
    buyer = made.buyer
    yield say("campaign"), f"{made.campaign} ({say('id')} {made.campaign_id})"
    yield say("sponsor"), made.sponsor
    yield say("legal_name"), buyer.legal_name
    yield say("payer"), buyer.payer
    yield say("mandate"), buyer.mandate
    yield say("address"), buyer.address
    yield say("election"), made.election
    yield say("territory"), made.territory
    yield say("channel"), say(f"by_{made.channel}")
    yield say("calls_from"), _when(made.started_ms, made.timezone)
    yield say("calls_to"), _when(made.finished_ms, made.timezone)
    yield say("hours"), made.hours
    yield say("prices"), f"{made.prices.name}, {say('since')} {made.prices.effective_from}"


def _lines(made: Invoice, say: Say) -> Table:
    bill = made.bill
    columns = (
        Column(say("line"), wide=True),
        *(Column(say(name), right=True) for name in ("quantity", "price", "net")),
    )
    rows = [
        (say.line(line), say.quantity(line), say.price(line, bill.currency), say.money(line.net_cents, bill.currency))
        for line in bill.lines
    ]
    vat = f"{say('vat')} {say.percent(bill.vat_bp)}"
    for name, cents in (
        (say("net_sum"), bill.net_cents),
        (vat, bill.vat_cents),
        (say("gross"), bill.gross_cents),
    ):
        rows.append((name, "", "", say.money(cents, bill.currency)))
    return Table(say("lines"), columns, tuple(rows))


def _played(made: Invoice, say: Say) -> Table:
    counts = ("loaded", "attempted", "answered", "completed", "billed_s")
    columns = (Column(say("message"), wide=True), *(Column(say(name), right=True) for name in counts))
    rows = [
        (one.name, *(UNKNOWN if (n := getattr(one, name)) is None else say.whole(n) for name in counts))
        for one in made.played
    ]
    return Table(say("calls"), columns, tuple(rows))


def _places(made: Invoice, say: Say) -> Table:
    counts = ("attempted", "answered", "billed_s")
    columns = (Column(say("departement"), wide=True), *(Column(say(name), right=True) for name in counts))
    rows = [
        (one.departement or say("not_known"), *(say.whole(getattr(one, name)) for name in counts))
        for one in made.places
    ]
    return Table(say("places"), columns, tuple(rows))


def _said(made: Invoice, say: Say) -> Table:
    """What the invoice is tied to: the recordings by their hashes, the texts that were spoken around them."""
    recordings = [
        (f"{say('message')} {one.name}", f"SHA-256 {one.sha256}; {say('played')} {one.sound}") for one in made.played
    ]
    texts = [(say(part), text) for part, text in made.said]
    return Table(say("annex"), (Column(say("part")), Column(say("text"), wide=True)), (*recordings, *texts))


def _notes(made: Invoice, say: Say) -> Iterator[str]:
    if not made.final:
        yield say("not_final")
    yield say("billed", step=made.prices.increment_s, least=made.prices.minimum_s)
    yield say("capped")
    yield say("rounding")
    yield getattr(made.prices.says, say.language)
    yield f"{say('content')} SHA-256 {made.sha256}"


def _when(at_ms: int | None, timezone: str) -> str:
    if at_ms is None:
        return ""
    return f"{datetime.fromtimestamp(at_ms / 1000, ZoneInfo(timezone)):%Y-%m-%d %H:%M} ({timezone})"
