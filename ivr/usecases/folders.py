"""Folders that are ours alone."""

from __future__ import annotations

import os
from pathlib import Path

from ivr.errors import SetUpFailed


def own_folder(folder: Path) -> None:
    """The folder is ours alone: somebody else's of that name in the shared temporary folder is refused."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SetUpFailed(f"{folder} cannot be made ({error.strerror}): check who may write there") from None
    found = folder.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077 or folder.is_symlink():
        raise SetUpFailed(
            f"{folder} is not a private folder of this user; remove it, or set TMPDIR to a folder of yours"
        )
