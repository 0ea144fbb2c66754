"""Sound: what people send in, what Asterisk plays out. ffmpeg reads, soxr resamples, pydub cuts, numpy does the rest.

decode -> Pcm -> render -> <sounds>/<sound>.alaw, .ulaw, .sln16
"""

from ivr.adapters.files import write_whole
from ivr.adapters.sound.decoding import Pcm, decode, decode_own
from ivr.adapters.sound.fingerprints import fingerprints, verify_fingerprints
from ivr.adapters.sound.listening import Played, as_played, loudness_of
from ivr.adapters.sound.measuring import measure
from ivr.adapters.sound.rendering import Rendering, copy, length_ms, render, verify
from ivr.adapters.sound.wav import join, wav

__all__ = [
    "Pcm",
    "Played",
    "Rendering",
    "as_played",
    "copy",
    "decode",
    "decode_own",
    "fingerprints",
    "join",
    "length_ms",
    "loudness_of",
    "measure",
    "render",
    "verify",
    "verify_fingerprints",
    "wav",
    "write_whole",
]
