"""`ivr web`."""

from __future__ import annotations

import click

from ivr.doors.cli.parts import say, settings_of, store_of


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address or name at which browsers find it.")
@click.option("--port", type=click.IntRange(1, 65535), default=8443, show_default=True, help="TCP port.")
@click.option("--bind", default="", help="Address to listen at, where that is another one; default: as --host.")
@click.pass_context
def web(context: click.Context, host: str, port: int, bind: str) -> None:
    """Serve the web pages over HTTPS until it is interrupted.

    \b
    A first visit:
      ivr sponsor add "Jeanne Martin"                               whose messages they are
      ivr user add jeanne --role candidate --sponsor "Jeanne Martin"   sends recordings in
      ivr user add paul --role approver                             hears and judges them
      ivr up                                                        its workers prepare recordings
      ivr web

    The certificate is of an authority of this installation's own, made at the first start: tell browsers to trust
    its file, which is named when it starts.
    """
    from ivr.doors.web.serving import serve

    settings = settings_of(context)
    with store_of(settings) as store:
        serve(store, settings, host, port, bind or host, say)
