"""What passes between the lab and its media process: orders in, hearings out, as files of one folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ivr.rules.segments import Segment
from ivr.rules.truth import Hearing, TruthKey, TruthPlay

ORDERS, PEOPLE = "media.json", "people.csv"


@dataclass(frozen=True)
class Orders:
    """What the media process is told. sounds: path of each segment's A-law file; run: from 1, names its files.

    versions: path of each version's message, when there are several.
    """

    port: int
    sounds: dict[str, str]
    run: int = 1
    versions: Sequence[str] = ()

    @property
    def log(self) -> str:
        """The file in which SIPp notes the calls of this run."""
        return f"calls-{self.run}.log"

    @property
    def ears(self) -> str:
        """The file in which the ears note what they heard in this run."""
        return f"ears-{self.run}.jsonl"

    def write(self, folder: Path) -> None:
        """FOLDER holds the orders."""
        (folder / ORDERS).write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Orders:
        """The orders in `folder`."""
        return cls(**json.loads((folder / ORDERS).read_text(encoding="utf-8")))


def read_hearings(path: Path) -> list[Hearing]:
    """What the ears have written so far; none while there is no file."""
    if not path.is_file():
        return []
    *lines, _ = path.read_text(encoding="utf-8").split("\n")
    return [_hearing(json.loads(line)) for line in lines]


def _hearing(found: dict[str, object]) -> Hearing:
    plays: list[dict[str, object]] = found.pop("plays")  # type: ignore[assignment]
    keys: list[dict[str, object]] = found.pop("keys")  # type: ignore[assignment]
    return Hearing(
        **found,  # type: ignore[arg-type]
        plays=tuple(TruthPlay(**{**play, "segment": Segment(str(play["segment"]))}) for play in plays),  # type: ignore[arg-type]
        keys=tuple(TruthKey(**{**key, "segment": Segment(str(key["segment"]))}) for key in keys),  # type: ignore[arg-type]
    )
