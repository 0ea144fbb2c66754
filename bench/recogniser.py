"""A speech recogniser for the bench, fetched once into the cache, with hashes (recogniser.lock); the product has none.

It has packages of its own, in a virtual environment of its own: recognise.py runs there.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import unicodedata
import venv
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
LOCK = HERE / "recogniser.lock"


def read(recordings: Sequence[tuple[str, Path]], cache: Path) -> list[str]:
    """The words that the recogniser reads in each recording, of which a language is given."""
    folder = _environment(cache)
    asked = json.dumps([(language, str(path)) for language, path in recordings])
    argv = [folder / "bin" / "python", HERE / "recognise.py", folder / "model"]
    ran = subprocess.run(argv, input=asked, stdout=subprocess.PIPE, text=True, check=True)
    texts: list[str] = json.loads(ran.stdout)
    return texts


def _environment(cache: Path) -> Path:
    """A folder with the recogniser's packages. It is named by them, so that others get one of their own."""
    folder = cache / f"bench-recogniser-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    complete = folder / "complete"
    if not complete.is_file():
        print("fetching the recogniser, once: about 250 MB", file=sys.stderr, flush=True)
        venv.create(folder, clear=True, with_pip=True)
        pip = [folder / "bin" / "python", "-m", "pip", "install", "-qq", "--no-deps", "--require-hashes", "-r", LOCK]
        subprocess.run(pip, check=True)
        complete.touch()
    return folder


def wrong_words(read_text: str, true_text: str) -> int:
    """The fewest words that must be put in, left out or exchanged to make one of the other."""
    found, true = words(read_text), words(true_text)
    row = list(range(len(true) + 1))
    for at, word in enumerate(found, 1):
        before, row[0] = row[0], at
        for column, other in enumerate(true, 1):
            exchanged = before + (word != other)
            before = row[column]
            row[column] = min(exchanged, before + 1, row[column - 1] + 1)
    return row[-1]


def words(text: str) -> list[str]:
    """The words, small letters, without marks."""
    composed = unicodedata.normalize("NFC", text).lower()
    return "".join(one if one.isalnum() else " " for one in composed).split()
