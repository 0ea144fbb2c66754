"""`python -m ivr.doors.probe PART`: whether that part shows that it works, for a container's health check.

PART: redis, asterisk, agi, controller, or the queue of a worker. What it says is one line; exit code 0 when it works.
"""

from __future__ import annotations

import sys

import ivr.settings
from ivr.errors import IvrError
from ivr.usecases import health


def main(part: str) -> None:
    """One line on stdout and exit code 0, or one on stderr and 1."""
    try:
        print(health.probe(ivr.settings.load(), part))
    except (IvrError, OSError) as error:
        sys.exit(f"ivr: {error}")


if __name__ == "__main__":
    main(sys.argv[1])
