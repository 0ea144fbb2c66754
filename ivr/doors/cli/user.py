"""`ivr user`."""

from __future__ import annotations

import click
from rich.markup import escape
from rich.table import Table

from ivr.doors.cli.parts import console, say, settings_of, store_of
from ivr.rules.roles import Role
from ivr.usecases import accounts


@click.group()
def user() -> None:
    """Who may sign in on the web pages (`ivr web`).

    Candidates send recordings in, submit campaigns and start them; approvers hear and judge both.
    """


@user.command()
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True, help="What they are here for.")
@click.option(
    "--sponsor", default="", help="Whose messages they see, and no others'; approvers of no sponsor see them all."
)
@click.pass_context
def add(context: click.Context, name: str, role: str, sponsor: str) -> None:
    """Let somebody sign in. The password is made here and shown once; hand it over in person."""
    with store_of(settings_of(context)) as store:
        key = accounts.add(store, name, Role(role), sponsor)
    _tell(name, key)


@user.command()
@click.argument("name")
@click.pass_context
def reset(context: click.Context, name: str) -> None:
    """Give a user a new password and code; whoever is signed in by the old ones is signed out."""
    with store_of(settings_of(context)) as store:
        key = accounts.reset(store, name)
    _tell(name, key)


@user.command()
@click.argument("name")
@click.pass_context
def disable(context: click.Context, name: str) -> None:
    """Let a user sign in no more, and sign them out at once; `ivr user reset` lets them in again."""
    with store_of(settings_of(context)) as store:
        accounts.disable(store, name)
    say(f"{name}: signs in no more")


@user.command("list")
@click.pass_context
def list_(context: click.Context) -> None:
    """Show who may sign in, and whose messages they see."""
    table = Table(box=None, header_style="bold")
    for column in ("user", "role", "sponsor", "may sign in"):
        table.add_column(column)
    with store_of(settings_of(context)) as store:
        for one in store.users.all():
            table.add_row(
                escape(one.name), one.role.value, escape(one.sponsor) or "all", "no" if one.disabled else "yes"
            )
    console.print(table)


def _tell(name: str, key: accounts.Key) -> None:
    say(f"{name} signs in with this password, which is shown only now:")
    click.echo(key.password)
    if key.code_link:
        say("and with the code of an authenticator (an app on a telephone) that was given this link:")
        click.echo(key.code_link)
