"""How a message sounds, `make bench-sound`: every part, a table, bench/latest-sound.json, and docs/sound.md.

`python bench/run_sound.py PART…` runs only these parts, `--quick` makes each short: see suite.py.
"""

from __future__ import annotations

import sys

import page
import rendered
import sound
import suite
import understood

SUITE = suite.Suite(
    {
        "band": (rendered.band, rendered.band),
        "loudness": (rendered.loudness, lambda: rendered.loudness(2)),
        "steadiness": (rendered.steadiness, rendered.steadiness),
        "quality": (understood.quality, lambda: understood.quality(short=True)),
        "understood": (understood.understood, lambda: understood.understood(short=True)),
        "time": (sound.measure, lambda: sound.measure(2)),
    },
    page.SOUND,
)

if __name__ == "__main__":
    sys.exit(SUITE.main(__doc__ or ""))
