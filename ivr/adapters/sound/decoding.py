"""From a file that anybody may have sent to samples: the only place where such a file is opened.

The first bytes choose one demuxer; ffprobe and ffmpeg may then use no other, no protocol but `file` and no codec
outside a list; they run confined, and what they claim is checked against what they gave.
"""

from __future__ import annotations

import json
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ivr.adapters.pbx import programs
from ivr.adapters.sound import confine
from ivr.adapters.sound.signature import Container, announced_bytes, container_of, looks_like_text
from ivr.errors import AudioRefused, NotFound
from ivr.settings import Message, Settings

Samples = NDArray[np.float32]

ACCEPTED = "wav, mp3, m4a, ogg, webm or flac"
AUDIO_CODECS = (
    "mp3,mp3float,aac,alac,vorbis,libvorbis,opus,libopus,flac,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,"
    "pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_u8,pcm_s8,pcm_alaw,pcm_mulaw,adpcm_ms,adpcm_ima_wav"
)
PICTURE_CODECS = "mjpeg,png,gif,bmp,webp,h264,hevc,vp8,libvpx,vp9,libvpx-vp9,av1,libdav1d,mpeg4,h263"
"""Cover art and telephone videos: the prober opens their decoder, nothing of them is decoded."""
RATES_HZ = range(8000, 192_001)
MOST_CHANNELS = 8
PROBE_BYTES, PROBE_WALL_S = 1 << 20, 10.0
HEADER_BYTES = 4096
SLACK_S = 0.5
LOUD_IN_ONE_DB = 4.0
LARGEST_SAMPLE = 4.0


@dataclass(frozen=True, slots=True)
class Pcm:
    """Mono sound. samples: 1.0 is full scale, and a lossy codec may overshoot it. rate_hz: of the file itself.

    sides: left and right as they came, shape (samples, 2), None when the file was mono or the sound is our own.
    """

    samples: Samples
    rate_hz: int
    sides: Samples | None = None

    @property
    def length_s(self) -> float:
        """Its length, seconds."""
        return len(self.samples) / self.rate_hz


@dataclass(frozen=True, slots=True)
class _Stream:
    rate_hz: int
    channels: int
    claimed_s: float  # 0: it claims nothing that can be trusted


def decode(file: Path, settings: Settings, name: str = "") -> Pcm:
    """The sound of `file`, its first audio stream made mono.

    name: what the file is called in messages. Raises NotFound, ProgramMissing, or AudioRefused with one sentence
    that says what is wrong and what to do.
    """
    shown = _printable(name or file.name)
    container = _recognise(file, shown, settings)
    stream = _probe(file, container, shown, settings)
    samples = _samples(file, container, stream, shown, settings)
    if len(samples) < stream.rate_hz * (stream.claimed_s * 0.95 - SLACK_S):
        read_s = len(samples) / stream.rate_hz
        raise AudioRefused(
            f"{shown} is cut short: it announces {stream.claimed_s:.1f} s, "
            f"but only {read_s:.1f} s can be read: give the whole file"
        )
    return Pcm(_mono(samples), stream.rate_hz, samples if samples.shape[1] == 2 else None)


def decode_own(file: Path, settings: Settings) -> Pcm:
    """The sound of a file that we made: the limits that the settings set for people's recordings do not hold for it."""
    return decode(file, settings.model_copy(update={"message": Message()}))


def _printable(name: str) -> str:
    """A name that may be shown: no control characters, no more than a line."""
    return "".join(character if character.isprintable() else "?" for character in name)[:120]


def _recognise(file: Path, shown: str, settings: Settings) -> Container:
    """The container of `file`, which is a regular file of an allowed size."""
    try:
        facts = file.stat()
    except OSError:
        raise NotFound(f"no such file: {_printable(str(file))}") from None
    if not stat.S_ISREG(facts.st_mode):
        raise AudioRefused(f"{shown} is not a file: give the recording itself ({ACCEPTED})")
    if not facts.st_size:
        raise AudioRefused(f"{shown} is empty (0 bytes): save the recording again and give that file")
    if facts.st_size > settings.message.max_bytes:
        largest = settings.message.max_bytes / 1e6
        raise AudioRefused(
            f"{shown} is too large ({facts.st_size / 1e6:.1f} MB, at most {largest:.1f}): save it as mp3 or m4a"
        )
    return _container(file, facts.st_size, shown)


def _container(file: Path, size: int, shown: str) -> Container:
    try:
        with file.open("rb") as opened:
            head = opened.read(HEADER_BYTES)
    except OSError as error:
        raise AudioRefused(f"{shown} cannot be read ({error.strerror}): allow this user to read it") from None
    container = container_of(head)
    if container and size < announced_bytes(head) * 0.95 - HEADER_BYTES:
        announced = announced_bytes(head)
        raise AudioRefused(
            f"{shown} is cut short: it announces {announced:,} bytes and has {size:,}: give the whole file"
        )
    if container:
        return container
    what = "text, perhaps a playlist or a page," if looks_like_text(head) else "of an unknown kind,"
    raise AudioRefused(f"{shown} is {what} not a recording, whatever its name says: give a {ACCEPTED} file")


def _guards(container: Container) -> list[str]:
    """What both programs are told before the input."""
    codecs = f"{AUDIO_CODECS},{PICTURE_CODECS}"
    guards = ["-protocol_whitelist", "file", "-format_whitelist", container.whitelist, "-codec_whitelist", codecs]
    guards += ["-max_alloc", str(256 << 20), "-probesize", "5M", "-analyzeduration", "5M"]
    if container.demuxer == "mov":
        guards += ["-enable_drefs", "0", "-use_absolute_path", "0"]
    return [*guards, "-f", container.demuxer]


def _probe(file: Path, container: Container, shown: str, settings: Settings) -> _Stream:
    """What the file says of its first audio stream, refused when that cannot be a recording."""
    program = programs.find("ffprobe", settings.cache_dir)
    wanted = "format=duration:stream=codec_name,sample_rate,channels"
    question = ["-select_streams", "a:0", "-show_entries", wanted, "-of", "json", _input(file)]
    argv = program.argv("-hide_banner", "-v", "warning", *_guards(container), *question)
    ran = confine.run(argv, PROBE_BYTES, program.env(), PROBE_WALL_S)
    if ran.overrun or ran.code:
        raise _damaged(shown)
    facts = _parsed(ran.out)
    if not facts.get("streams"):
        raise AudioRefused(f"{shown} has no sound in it: give a {ACCEPTED} file with a recording")
    return _checked(facts, "Estimating duration" in ran.err, shown)


def _parsed(out: bytes) -> dict[str, Any]:
    """What ffprobe answered; nothing when it is not what ffprobe writes."""
    try:
        facts = json.loads(out)
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


def _checked(facts: dict[str, Any], guessed_length: bool, shown: str) -> _Stream:
    stream = facts["streams"][0]
    codec, rate_hz, channels = (
        stream.get("codec_name", "unknown"),
        _number(stream, "sample_rate"),
        _number(stream, "channels"),
    )
    if codec not in AUDIO_CODECS.split(","):
        raise AudioRefused(
            f"{shown} uses the audio codec {_printable(codec)}, which is not accepted: save it as mp3 or wav"
        )
    if int(rate_hz) not in RATES_HZ:
        raise AudioRefused(
            f"{shown} has {rate_hz:.0f} samples per second (8,000 to 192,000 are accepted): save it as mp3 or wav"
        )
    if not 1 <= channels <= MOST_CHANNELS:
        raise AudioRefused(f"{shown} has {channels:.0f} channels (1 to {MOST_CHANNELS} are accepted): save it in mono")
    claimed_s = 0.0 if guessed_length else _number(facts.get("format", {}), "duration")
    return _Stream(int(rate_hz), int(channels), claimed_s)


def _number(facts: dict[str, Any], name: str) -> float:
    text = str(facts.get(name, ""))
    return float(text) if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", text) else 0.0


def _samples(file: Path, container: Container, stream: _Stream, shown: str, settings: Settings) -> Samples:
    """The decoded sound, shape (samples, 1 or 2); never longer than the longest message."""
    program, most_s = programs.find("ffmpeg", settings.cache_dir), settings.message.max_s
    channels = min(2, stream.channels)
    output = [
        "-map",
        "0:a:0",
        "-vn",
        "-sn",
        "-dn",
        "-map_metadata",
        "-1",
        "-t",
        f"{most_s + 1:.3f}",
        "-ac",
        str(channels),
    ]
    output += ["-ar", str(stream.rate_hz), "-c:a", "pcm_f32le", "-f", "f32le", "pipe:1"]
    before = ["-nostdin", "-hide_banner", "-v", "error", "-threads", "1", *_guards(container), "-i", _input(file)]
    frame_bytes = 4 * channels
    ran = confine.run(program.argv(*before, *output), int((most_s + 2) * stream.rate_hz) * frame_bytes, program.env())
    if ran.overrun == "time":
        raise AudioRefused(f"{shown} takes too long to read: save it again as mp3 or wav and give that file")
    frames = len(ran.out) // frame_bytes
    if ran.code and not frames:
        raise _damaged(shown)
    if ran.overrun or frames > most_s * stream.rate_hz:
        raise AudioRefused(f"{shown} lasts more than {most_s:g} s, the longest message: shorten it", "too_long")
    if not frames:
        raise AudioRefused(f"{shown} lasts 0 s: it has no sound in it; save the recording again and give that file")
    samples = np.frombuffer(ran.out[: frames * frame_bytes], np.float32).reshape(-1, channels)
    finite = np.nan_to_num(samples, nan=0.0, posinf=LARGEST_SAMPLE, neginf=-LARGEST_SAMPLE)
    return np.clip(finite, -LARGEST_SAMPLE, LARGEST_SAMPLE)


def _input(file: Path) -> str:
    return f"file:{file.resolve()}"


def _damaged(shown: str) -> AudioRefused:
    return AudioRefused(
        f"{shown} is damaged or incomplete and cannot be read: save the recording again and give that file"
    )


def _mono(samples: Samples) -> Samples:
    """The mean of the channels, unless that loses the voice (one empty, or in opposite phase): then the louder one."""
    if samples.shape[1] == 1:
        return samples[:, 0]
    mean = samples.mean(axis=1, dtype=np.float32)
    loudest = samples[:, int(np.argmax(_power(samples)))]
    kept_db = 10 * np.log10((_power(mean) + 1e-20) / (_power(loudest) + 1e-20))
    return mean if kept_db > -LOUD_IN_ONE_DB else np.ascontiguousarray(loudest)


def _power(samples: Samples) -> Any:
    """The mean square of each channel."""
    return np.mean(np.square(samples, dtype=np.float64), axis=0)
