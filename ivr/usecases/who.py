"""Who asks for it, as this machine knows them."""

from __future__ import annotations

import getpass
import os

LONGEST_NAME = 64


def login_name() -> str:
    """Who runs this process; a number where the machine has no name for them."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user that is in no list
        name = f"user {os.getuid()}"
    return "".join(char if char.isprintable() else "?" for char in name)[:LONGEST_NAME]
