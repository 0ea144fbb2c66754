"""From a file that anybody may have sent to samples: the only place where such a file is opened.

The first bytes choose one demuxer; ffmpeg may then use no other, no protocol but `file` and no codec outside a list;
it runs confined, once, and what the file claims is checked against what it gave.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ivr.adapters.pbx import programs
from ivr.adapters.sound import confine
from ivr.adapters.sound.channels import Samples, mono
from ivr.adapters.sound.signature import (
    Container,
    announced_bytes,
    container_of,
    looks_like_text,
    second_nature,
    tag_bytes,
)
from ivr.errors import AudioRefused, NotFound
from ivr.rules.refusals import refusal
from ivr.settings import Message, Settings

RATES_HZ = range(8000, 192_001)
HEADER_BYTES = 4096
TAIL_BYTES = 66_000  # a zip archive ends with a comment of at most 65,535 bytes
SLACK_S = 0.5
LARGEST_SAMPLE = 4.0
FRAME_BYTES = 4
_DURATION = re.compile(r"^  Duration: (\d+):(\d\d):(\d\d\.\d+)", re.M)
_FILM = re.compile(r"^  Stream #0:\d+.*: Video: (?!.*\(attached pic\))", re.M)
_SOUND = re.compile(r"^  Stream #0:\d+.*: Audio: (\w+)", re.M)


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


def decode(file: Path, settings: Settings, name: str = "") -> Pcm:
    """The sound of `file`, its first audio stream made mono.

    name: what the file is called in messages. Raises NotFound, ProgramMissing, or AudioRefused with one sentence
    that says what is wrong and what to do.
    """
    shown = _printable(name or file.name)
    ran = _run(file, _recognise(file, shown, settings), shown, settings)
    samples, rate_hz = _samples(ran, shown, settings)
    claimed_s = _claimed_s(ran.err)
    if len(samples) < rate_hz * (claimed_s * 0.95 - SLACK_S):
        read_s = round(len(samples) / rate_hz, 1)
        raise refusal("cut_short", shown, claimed_s=round(claimed_s, 1), read_s=read_s)
    return Pcm(mono(samples, rate_hz), rate_hz, samples if samples.shape[1] == 2 else None)


def decode_own(file: Path, settings: Settings) -> Pcm:
    """The sound of a file that we made: the limits that the settings set for people's recordings do not hold for it."""
    return decode(file, settings.model_copy(update={"message": Message()}))


def _printable(name: str) -> str:
    """A name that may be shown: no control characters, no more than a line."""
    return "".join(character if character.isprintable() else "?" for character in name)[:120]


def _recognise(file: Path, shown: str, settings: Settings) -> Container:
    """The container of `file`, which is a regular file of an allowed size."""
    try:
        facts = file.lstat()
    except OSError:
        raise NotFound(f"no such file: {_printable(str(file))}") from None
    if not stat.S_ISREG(facts.st_mode):
        raise refusal("not_a_file", shown)
    if not facts.st_size:
        raise refusal("empty", shown)
    if facts.st_size > settings.message.max_bytes:
        raise refusal("too_large", shown, most_mb=settings.message.max_bytes / 1e6)
    return _container(file, facts.st_size, shown)


def _container(file: Path, size: int, shown: str) -> Container:
    try:
        with file.open("rb") as opened:
            head = opened.read(HEADER_BYTES)
            opened.seek(tag_bytes(head))
            after_tag = opened.read(HEADER_BYTES)
            opened.seek(max(0, size - TAIL_BYTES))
            tail = opened.read(TAIL_BYTES)
    except OSError as error:
        raise refusal("not_allowed", shown, system=str(error.strerror)) from None
    container = None if looks_like_text(head) else container_of(head, after_tag)
    if container is None:
        raise refusal("text" if looks_like_text(head) else "unknown_kind", shown)
    if also := second_nature(head, tail):
        raise refusal(also, shown)
    announced = announced_bytes(head)
    if size < announced * 0.95 - HEADER_BYTES:
        raise refusal("bytes_missing", shown, announced=announced, size=size)
    return container


def _run(file: Path, container: Container, shown: str, settings: Settings) -> confine.Ran:
    """What ffmpeg made of the file: its first audio stream as a wav, cut after the longest message, and its log."""
    program, source = programs.find("ffmpeg", settings.cache_dir), file.resolve()
    guards = ["-protocol_whitelist", "file", "-format_whitelist", container.names]
    guards += ["-codec_whitelist", container.codecs, "-max_alloc", str(256 << 20), "-threads", "1"]
    guards += ["-probesize", "5M", "-analyzeduration", "5M"]
    if container.demuxer == "mov":
        guards += ["-enable_drefs", "0", "-use_absolute_path", "0"]
    before = ["-nostdin", "-hide_banner", "-nostats", "-v", "info", *guards, "-f", container.demuxer]
    wanted = ["-map", "0:a:0", "-map_metadata", "-1", "-t", f"{settings.message.max_s + 1:.3f}", "-fflags", "+bitexact"]
    shape = ["-af", "aformat=sample_fmts=flt:channel_layouts=mono|stereo", "-c:a", "pcm_f32le", "-f", "wav", "pipe:1"]
    argv = program.argv(*before, "-i", f"file:{source}", *wanted, *shape)
    most = int((settings.message.max_s + 2) * RATES_HZ[-1]) * 2 * FRAME_BYTES
    ran = confine.run(confine.Command(argv, [*program.reads, source], program.env()), most)
    if ran.overrun == "time":
        raise refusal("too_slow", shown)
    return ran


def _samples(ran: confine.Ran, shown: str, settings: Settings) -> tuple[Samples, int]:
    """The decoded sound, shape (samples, 1 or 2), and its rate."""
    most_s = settings.message.max_s
    rate_hz, channels, start = _wav_header(ran.out)
    if not rate_hz:
        raise _unreadable(ran.err, shown)
    if rate_hz not in RATES_HZ:
        raise refusal("rate", shown, rate_hz=rate_hz)
    frames = (len(ran.out) - start) // (FRAME_BYTES * channels)
    if ran.overrun or frames > most_s * rate_hz:
        raise refusal("too_long", shown, most_s=most_s)
    if not frames:
        if ran.code:
            raise _unreadable(ran.err, shown)
        raise refusal("nothing", shown)
    samples = np.frombuffer(ran.out, "<f4", frames * channels, start).reshape(-1, channels)
    return _finite(samples), rate_hz


def _wav_header(out: bytes) -> tuple[int, int, int]:
    """Rate, channels and the first byte of sound of the wav that ffmpeg wrote; rate 0 when it wrote none."""
    found, at = re.search(rb"fmt ....(?:\x03\0|\xfe\xff)(..)(....)", out[:64], re.S), out[:256].find(b"data")
    if not found or at < 0:
        return 0, 0, 0
    return int.from_bytes(found[2], "little"), int.from_bytes(found[1], "little"), at + 8


def _finite(samples: Samples) -> Samples:
    """`samples` without what is no number or out of all proportion."""
    if max(samples.max(), -samples.min()) <= LARGEST_SAMPLE:  # which no number is that is none
        return samples
    finite = np.nan_to_num(samples, nan=0.0, posinf=LARGEST_SAMPLE, neginf=-LARGEST_SAMPLE)
    return np.clip(finite, -LARGEST_SAMPLE, LARGEST_SAMPLE)


def _claimed_s(log: str) -> float:
    """How long the file says that its sound is; 0 when it says nothing that can be held against it."""
    found = _DURATION.search(log)
    if not found or "Estimating duration" in log or _FILM.search(log):  # a film may go on after its sound
        return 0.0
    hours, minutes, seconds = found.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _unreadable(log: str, shown: str) -> AudioRefused:
    """Why there is no sound."""
    codec = _SOUND.search(log)
    if "matches no streams" in log:
        return refusal("no_sound", shown)
    if codec and codec[1] != "none" and re.search(r"not (?:on|in) (?:the )?whitelist|no decoder found", log, re.I):
        return refusal("codec", shown, codec=codec[1])
    if re.search(r"Invalid sample rate|Unsupported sample rate", log, re.I):
        return refusal("no_rate", shown)
    return refusal("damaged", shown)
