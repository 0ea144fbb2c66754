"""The secret of Asterisk's manager, shared by Asterisk's configuration and the controller."""

from __future__ import annotations

import contextlib
import os
import secrets

from ivr.settings import Settings


def ami_secret(settings: Settings) -> str:
    """The manager's secret, made at first use, readable by its owner alone."""
    path = settings.var_dir / "keys" / "ami.secret"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(24))
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)  # of two first uses at once the first one's stands for both
        temporary.unlink()
    return path.read_text().strip()
