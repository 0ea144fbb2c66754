"""Every command teaches how it is used."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from ivr.doors.cli import cli


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            found = command.get_command(click.Context(command), name)
            assert found
            yield from commands(found, (*path, name))


@pytest.mark.parametrize(
    ("path", "command"), list(commands(cli)), ids=lambda one: "-".join(one) if isinstance(one, tuple) else ""
)
def test_help_says_what_it_does_and_shows_no_marks(path: tuple[str, ...], command: click.Command) -> None:
    with click.Context(command, info_name=" ".join(("ivr", *path))) as context:
        told = command.get_help(context)
    assert command.help
    assert "\\b" not in told
    assert "\b" not in told
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{parameter.opts} has no help"
