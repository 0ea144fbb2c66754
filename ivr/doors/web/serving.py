"""The server of the pages (uvicorn), over HTTPS with the installation's own certificate."""

from __future__ import annotations

from collections.abc import Callable

import uvicorn

from ivr.adapters.certificates import own_certificate
from ivr.adapters.store import Store
from ivr.doors.web import application
from ivr.settings import Settings


def serve(store: Store, settings: Settings, host: str, port: int, bind: str, say: Callable[[str], None]) -> None:
    """Browsers find the pages at that host and port until the process is told to end."""
    folder = settings.shared_dir / "keys" / "web"
    certificate, key = own_certificate(folder, host)
    origin = f"https://{f'[{host}]' if ':' in host else host}" + ("" if port == 443 else f":{port}")
    say(f"the pages are at {origin}; let browsers trust {folder / 'authority.pem'}")
    uvicorn.run(
        application(store, settings, origin),
        host=bind,
        port=port,
        ssl_certfile=str(certificate),
        ssl_keyfile=str(key),
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
    )
