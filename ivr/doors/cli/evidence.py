"""`ivr evidence`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
from rich.markup import escape

from ivr.doors.cli.parts import console, say, settings_of, store_of
from ivr.usecases import evidence as usecase


class _OfCampaign(click.Group):
    """A group whose first word may be a campaign's name: then that campaign's evidence is written."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """`write` when the first word is no command."""
        return super().resolve_command(ctx, args if args[0] in self.commands else ["write", *args])


@click.group(cls=_OfCampaign)
def evidence() -> None:
    """Write a campaign's evidence into one signed file (`ivr evidence CAMPAIGN`), and check such a file anywhere."""


@evidence.command()
@click.argument("campaign")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Default: CAMPAIGN-evidence.zip here.")
@click.pass_context
def write(context: click.Context, campaign: str, output: Path | None) -> None:
    """Write what was played, decided, permitted and done, with every hash; there is no number in it."""
    settings = settings_of(context)
    name = "".join(char if char.isalnum() or char in "-_" else "-" for char in campaign)
    with store_of(settings) as store:
        file = usecase.write(store, settings, campaign, output or Path(f"{name}-evidence.zip"))
    say(f"written: {file}; signed with {usecase.key_of(settings)}")


@evidence.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--key", default="", help="The public key that must have signed it (`ivr evidence key` there).")
def verify(file: Path, key: str) -> None:
    """Check a file that was written on any machine: one changed byte is found. Exit code 1 when it is not whole."""
    found = usecase.verify(file, key)
    when = f"{datetime.fromtimestamp(found.made_at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    console.print(f"whole: campaign {escape(found.campaign)}, {when}, {found.files} files")
    console.print(f"signed with {found.key}" + ("" if key else ": compare it with the one that you were given"))


@evidence.command()
@click.pass_context
def key(context: click.Context) -> None:
    """Print the public key of this installation: give it to whoever shall check its evidence."""
    click.echo(usecase.key_of(settings_of(context)))
