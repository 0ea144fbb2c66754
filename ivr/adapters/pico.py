"""The Pico voice in a process of its own: text on standard input, a wav file of 16 kHz on standard output.

Pico reads memory that it never wrote. In a process that has already worked, the same text then comes out different,
up to 15 % longer or shorter (docs/decisions/0033). A new process has only zeros, and takes 0.1 s.
"""

from __future__ import annotations

import os
import subprocess
import sys
import wave

from ivr.errors import SpeechUnavailable

RATE_HZ = 16000
VOLUME = 0.5  # at 1.0 it clips its own peaks
SPEED = 1.1  # a little brisker than its own pace, and still under 175 words a minute
TIMEOUT_S = 60.0


def speak(text: str, voice: str) -> bytes:
    """A wav file in which `voice` ("fr-FR", "en-GB") says `text`: always the same bytes. Raises SpeechUnavailable."""
    argv = [sys.executable, "-P", __file__, voice]
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    try:
        ran = subprocess.run(
            argv, input=text.encode(), capture_output=True, timeout=TIMEOUT_S, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        raise SpeechUnavailable(f"the Pico voice did not end in {TIMEOUT_S:g} s: shorten the text") from None
    if ran.returncode or not ran.stdout:
        last = ran.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2] or f"status {ran.returncode}"
        raise SpeechUnavailable(
            f"the Pico voice failed ({last[:200]}): run `make setup` again, or write the text differently"
        )
    return ran.stdout


def _speak_here(text: str, voice: str) -> bytes:
    from py_nanotts import NanoTTS  # only the child loads it

    pcm: bytes = NanoTTS().speak(text, voice=voice, volume=VOLUME, speed=SPEED)
    return pcm


if __name__ == "__main__":
    spoken_pcm = _speak_here(sys.stdin.buffer.read().decode(), sys.argv[1])
    with wave.open(sys.stdout.buffer, "wb") as opened:
        opened.setnchannels(1)
        opened.setsampwidth(2)
        opened.setframerate(RATE_HZ)
        opened.setnframes(len(spoken_pcm) // 2)  # a pipe cannot be rewound to write the length afterwards
        opened.writeframesraw(spoken_pcm)
