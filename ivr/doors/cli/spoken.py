"""The options by which a campaign's spoken texts are filled in: the same wherever they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from ivr.usecases.prompts import Texts

SPOKEN = ("sponsor", "role", "controller", "source", "website", "contact", "kind", "jurisdiction")
OPTIONS = (
    click.option("--sponsor", required=True, help="Who calls; said first: «Jeanne Martin»."),
    click.option("--role", default="", help="As what: «candidate à l'élection présidentielle»."),
    click.option("--controller", required=True, help="Who pays and answers for the data; said in the notice."),
    click.option("--source", default="", help="Where the numbers came from; said in the notice."),
    click.option("--website", default="", help="Where people can learn more; said in the notice."),
    click.option("--reach", "contact", default="", help="A number or an address, where the jurisdiction wants one."),
    click.option(
        "--kind",
        type=click.Choice(["political", "institutional"]),
        default="political",
        show_default=True,
        help="What the message is: it decides what the pre-roll says.",
    ),
    click.option("--jurisdiction", default="", help="Whose rules: fr, eu, us, ca, gb, sn; default: by the language."),
    click.option("--language", type=click.Choice(["fr", "en"]), help="Default: the setting `language`."),
)


def spoken_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command takes what its texts are filled with; what they use and was not given is refused by name."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def texts_of(options: dict[str, Any]) -> Texts:
    """The texts, taken out of the command's options."""
    return Texts(**{key: options.pop(key) for key in SPOKEN})
