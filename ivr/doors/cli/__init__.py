"""The command line: `ivr`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from ivr.doors import logs
from ivr.doors.cli.callbacks import callbacks
from ivr.doors.cli.campaign import campaign
from ivr.doors.cli.consent import consent
from ivr.doors.cli.contacts import contacts
from ivr.doors.cli.database import db
from ivr.doors.cli.demo import demo
from ivr.doors.cli.doctor import doctor
from ivr.doors.cli.evidence import evidence
from ivr.doors.cli.gate import gate
from ivr.doors.cli.halt import halt, unhalt
from ivr.doors.cli.installation import down, process, setup, status, up
from ivr.doors.cli.invoice import invoice
from ivr.doors.cli.journal import journal
from ivr.doors.cli.lab import lab
from ivr.doors.cli.message import message
from ivr.doors.cli.notice import notice
from ivr.doors.cli.plan import plan_command
from ivr.doors.cli.price import price
from ivr.doors.cli.report import report
from ivr.doors.cli.retention import retention
from ivr.doors.cli.rights import rights
from ivr.doors.cli.settings_command import settings_command
from ivr.doors.cli.sponsor import sponsor
from ivr.doors.cli.trace import trace
from ivr.doors.cli.trunk import pbx, trunk
from ivr.doors.cli.user import user
from ivr.doors.cli.web import web
from ivr.errors import IvrError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config", type=click.Path(path_type=Path), help="Settings file; default: $IVR_CONFIG, else ./portevoix.toml."
)
@click.pass_context
def cli(context: click.Context, config: Path | None) -> None:
    """Portevoix sends recorded messages by telephone, plays a privacy notice after them, and proves what was heard.

    \b
    A first campaign:
      ivr setup                                     obtain Asterisk and the rest, once
      ivr up                                        start everything
      ivr contacts import people.csv                who may be called
      ivr message add message.mp3 --name hello      what they will hear
      ivr campaign create spring --message hello --contacts people --trunk carrier …
      ivr campaign start spring                     call, and watch
      ivr campaign report spring                    what was heard
    """
    context.obj = config


INSTALLATION = (setup, up, status, doctor, trace, halt, unhalt, down, process, db)
PROOFS = (sponsor, consent, rights, retention, report, journal, evidence, gate)
for command in (
    *INSTALLATION,
    *PROOFS,
    contacts,
    message,
    notice,
    campaign,
    callbacks,
    trunk,
    pbx,
    plan_command,
    price,
    invoice,
    user,
    web,
    lab,
    settings_command,
):
    cli.add_command(command)

lab.add_command(demo)


def main() -> None:
    """Runs `ivr`; what Portevoix can explain is one line on stderr and an exit code, never a traceback."""
    logs.quiet()
    try:
        cli(standalone_mode=False)
    except IvrError as error:
        click.echo(f"ivr: {error}", err=True)
        sys.exit(error.exit_code)
    except click.exceptions.Abort:
        click.echo("ivr: interrupted", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except BrokenPipeError:  # who read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        click.echo(f"ivr: {error.filename or 'the system'}: {error.strerror or error}", err=True)
        sys.exit(74)  # EX_IOERR of sysexits.h
