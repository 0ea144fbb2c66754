"""What the keys mean while a person listens."""

from __future__ import annotations

from enum import StrEnum

ALL_KEYS = "0123456789*#"
"""Every key is armed from the first millisecond: one that means nothing is noted, and the sound goes on."""


AGAIN = "9"
"""What is heard during the confirmation: the same key again asks that nobody calls any more."""


class Wish(StrEnum):
    """What a person asks for with a key."""

    STOP = "stop"
    REPEAT = "repeat"


KEYS = {"9": Wish.STOP, "*": Wish.REPEAT, "1": Wish.REPEAT}
