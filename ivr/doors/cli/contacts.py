"""`ivr contacts`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from ivr.doors.cli.parts import console, settings_of, store_of
from ivr.usecases.audience import count
from ivr.usecases.contacts import declared, import_file


@click.group()
def contacts() -> None:
    """The people who may be called."""


@contacts.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", help="Name of the batch; default: the file's name.")
@click.option(
    "--provenance", type=click.Path(path_type=Path), help="TOML file that declares where they come from; it is checked."
)
@click.pass_context
def import_(context: click.Context, file: Path, name: str | None, provenance: Path | None) -> None:
    """Import a CSV (any common encoding and separator), a workbook (XLSX, ODS) or Parquet, with a header.

    Columns are found by their names, French or English: numbers (telephone, mobile), and, where there are any, code
    INSEE, code postal, ville, date de naissance or age, langue. Calls go on meanwhile. Killed, it goes on from where it
    was when the same file is imported again; importing it twice changes nothing. Rejected rows go to a file with line,
    reason and what was read.
    """
    settings = settings_of(context)
    origin = declared(provenance)
    with (
        store_of(settings) as store,
        Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar,
    ):
        task = bar.add_task("reading", total=None)
        done = import_file(
            store,
            settings,
            file,
            name,
            lambda what, done, total: bar.update(task, description=what, completed=done, total=total),
            origin,
        )
    batch = done.batch
    shown = escape(batch.name)
    if done.known:
        console.print(f"{escape(file.name)} was imported before as [bold]{shown}[/]: nothing changed")
    else:
        console.print(f"[bold]{shown}[/]: {batch.accepted} contacts, {batch.rejected} rows rejected")
        for reason, rows in batch.rows_by_reason.items():
            console.print(f"  {rows} {escape(reason)}")
    if done.rejects:
        console.print(f"rejected rows: {escape(str(done.rejects))}")


@contacts.command("list")
@click.pass_context
def list_(context: click.Context) -> None:
    """Show the batches that were imported."""
    table = Table(box=None, header_style="bold")
    for column in ("batch", "contacts", "rejected", "imported"):
        table.add_column(column)
    with store_of(settings_of(context)) as store:
        for batch in store.contacts.batches():
            at = datetime.fromtimestamp(batch.imported_at_ms / 1000, UTC)
            when = "not finished: import it again" if batch.loading else f"{at:%Y-%m-%d %H:%M} UTC"
            table.add_row(escape(batch.name), str(batch.accepted), str(batch.rejected), when)
    console.print(table)


@contacts.command("count")
@click.argument("batch")
@click.argument("audience", nargs=-1)
@click.pass_context
def count_(context: click.Context, batch: str, audience: tuple[str, ...]) -> None:
    """Count who of BATCH is in AUDIENCE: by territory, age, line type and language, and by nothing else.

    \b
    ivr contacts count people territory=departement:75,commune:13055
    ivr contacts count people territory=region:11 age=18-24,65+ line=mobile language=fr

    Territories: region, departement, commune (INSEE codes) or postcode. Ages are those reached in this year. Whoever's
    fact is not known is in no audience that names it.
    """
    with store_of(settings_of(context)) as store:
        console.print(f"{count(store, batch, ' '.join(audience))} contacts")
