"""`ivr invoice`."""

from __future__ import annotations

from pathlib import Path

import click

from ivr.doors.cli.parts import console, say, settings_of, store_of
from ivr.doors.invoice import forms
from ivr.usecases.invoicing import Invoice, invoice_of

FORMS = ("terminal", "csv", "csv-excel", "json", "pdf")


@click.command()
@click.argument("campaign")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMS),
    default="terminal",
    show_default=True,
    help="For whom: a reader, a spreadsheet, a program.",
)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file; a PDF needs one.")
@click.option("--language", type=click.Choice(["fr", "en"]), help="Default: the campaign's.")
@click.option("--account-code", default="", help="Heading of the campaign account, for the column of that name (CSV).")
@click.pass_context
def invoice(context: click.Context, /, campaign: str, form: str, output: Path | None, **given: str | None) -> None:
    """Make a campaign's invoice: its lines, its calls, and the hashes of what was played, tied together.

    The prices are those of the public list that held when the campaign was made (`ivr price list`); nothing of them
    can be typed in. Before the campaign is over it is a provisional statement.
    """
    with store_of(settings_of(context)) as store:
        made = invoice_of(store, campaign)
    language = given["language"] or made.language
    if form == "terminal" and output is None:
        forms.show(made, console, language)
        return
    if form == "pdf" and output is None:
        raise click.UsageError("a PDF is written into a file: give --output FILE.pdf")
    data = _made(form, made, language, given["account_code"] or "")
    if output is None:
        click.echo(data.decode())
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(data)
    say(f"written: {output}; content SHA-256 {made.sha256}")


def _made(form: str, made: Invoice, language: str, account_code: str) -> bytes:
    if form == "pdf":
        return forms.as_pdf(made, language)
    texts = {
        "csv": lambda: forms.as_csv(made, account_code=account_code),
        "csv-excel": lambda: forms.as_csv(made, excel=True, account_code=account_code),
        "json": lambda: forms.as_json(made),
        "terminal": lambda: forms.as_text(made, language),
    }
    return texts[form]().encode()
