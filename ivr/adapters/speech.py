"""The neutral voice: a studio recording, Pico, offline and always there, or Google's when the settings say so.

Speech is made before a campaign, never during a call, and kept by the hash of all it depends on.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import time
from importlib.metadata import version
from pathlib import Path

import requests
from gtts import gTTS
from gtts.tts import gTTSError

from ivr.adapters import pico, sound
from ivr.errors import AudioRefused, Refused, SpeechUnavailable
from ivr.settings import Settings

VOICES = {"fr": "fr-FR", "en": "en-GB"}
LEAST_BYTES = 1000
MOST_BYTES = 5_000_000
MOST_CHARACTERS = 1000
RECORDED_HZ = 48_000

_ANSWER = re.compile(rb'jQ1olc","\[\\"([A-Za-z0-9+/=_-]*)\\"\]')


def synthesize(text: str, language: str, settings: Settings) -> Path:
    """A file in the var folder where `text` is spoken: wav at 16 kHz from Pico, mp3 from Google.

    text: as a voice should read it (ivr.rules.spoken). Raises Refused for a text or language that cannot be spoken,
    SpeechUnavailable when the engine fails: then there is no file.
    """
    if language not in VOICES:
        raise Refused(f"there is no voice for the language {language!r}: choose one of {', '.join(VOICES)}")
    if not re.search(r"\w", text) or len(text) > MOST_CHARACTERS:
        raise Refused(
            f"a spoken text has 1 to {MOST_CHARACTERS:,} characters, and at least a word: this one has {len(text):,}"
        )
    recorded = recording_of(text, language, settings)
    if recorded.is_file():
        return recorded
    if settings.speech.engine == "recorded":
        raise Refused(f"no studio recording says «{text}»: give one with `ivr notice build --recording PART=FILE`")
    engine, extension, made_by = (
        (_pico, "wav", "py-nanotts") if settings.speech.engine == "pico" else (_google, "mp3", "gtts")
    )
    pace = str(pico.SPEED) if engine is _pico else ""
    identity = "\0".join((settings.speech.engine, version(made_by), VOICES[language], pace, text))
    file = settings.var_dir / "speech" / f"{hashlib.sha256(identity.encode()).hexdigest()}.{extension}"
    if not file.is_file():
        sound.write_whole(file, engine(text, language, settings))
    return file


def recording_of(text: str, language: str, settings: Settings) -> Path:
    """Where a studio recording of exactly this text is, if there is one: it wins over every engine."""
    identity = hashlib.sha256(f"{language}\0{text}".encode()).hexdigest()
    return settings.var_dir / "speech" / "recorded" / f"{identity}.wav"


def keep_recording(file: Path, text: str, language: str, settings: Settings) -> Path:
    """`file`, which somebody sent, is the recording of this text from now on, read as safely as any upload.

    Raises NotFound or AudioRefused.
    """
    pcm = sound.decode(file, settings)
    kept = recording_of(text, language, settings)
    sound.write_whole(kept, sound.wav(pcm, RECORDED_HZ))
    return kept


def _pico(text: str, language: str, _: Settings) -> bytes:
    return pico.speak(text, VOICES[language])


class _Google(gTTS):  # type: ignore[misc]  # gTTS carries no types
    """gTTS that checks the server's certificate, ends in time, and can be sent to another address."""

    def __init__(self, text: str, language: str, base_url: str, timeout_s: float) -> None:
        super().__init__(text, lang=language, lang_check=False, timeout=timeout_s)
        self._base_url = base_url.rstrip("/")

    def parts(self) -> list[bytes]:
        """The mp3 of each part of at most 100 characters, in order. Raises what `requests` raises, or gTTSError."""
        deadline = time.monotonic() + self.timeout
        with requests.Session() as session:  # `stream` of gTTS itself sends with verify=False
            return [self._part(session, request, deadline) for request in self._prepare_requests()]

    def _part(self, session: requests.Session, request: requests.PreparedRequest, deadline: float) -> bytes:
        if self._base_url:
            request.url = self._base_url + request.path_url
        left_s = max(0.01, deadline - time.monotonic())
        # proxies and certificate authorities of this machine, as its environment names them
        machine = session.merge_environment_settings(str(request.url), {}, True, True, None)
        with session.send(request, timeout=left_s, allow_redirects=False, **machine) as response:
            if response.status_code != requests.codes.ok:
                raise gTTSError(f"status {response.status_code} {response.reason}")
            return _audio(_body(response, deadline))


def _body(response: requests.Response, deadline: float) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(1 << 14):
        body += chunk
        if len(body) > MOST_BYTES:
            raise gTTSError("an answer that does not end")
        if time.monotonic() > deadline:
            raise requests.exceptions.Timeout
    return bytes(body)


def _audio(body: bytes) -> bytes:
    found = _ANSWER.search(body)
    if not found:
        raise gTTSError("an answer without sound")
    try:
        mp3 = base64.b64decode(found[1], validate=True)
    except binascii.Error:
        raise gTTSError("an answer that is not sound") from None
    if len(mp3) < LEAST_BYTES:
        raise gTTSError(f"only {len(mp3)} bytes for a part of the text")
    return mp3


def _google(text: str, language: str, settings: Settings) -> bytes:
    """The mp3 from Google's service, which was decoded once: nothing is kept that does not play."""
    speech = settings.speech
    try:
        mp3 = b"".join(_Google(text, language, speech.gtts_url, speech.gtts_timeout_s).parts())
    except requests.exceptions.Timeout:
        raise _unavailable(f"gave no answer in {speech.gtts_timeout_s:g} s") from None
    except requests.exceptions.RequestException as error:
        raise _unavailable(f"cannot be reached ({type(error).__name__})") from None
    except (gTTSError, AssertionError) as error:
        raise _unavailable(f"gave {error}") from None
    _check_plays(mp3, settings)
    return mp3


def _check_plays(mp3: bytes, settings: Settings) -> None:
    trial = settings.var_dir / "speech" / f".{hashlib.sha256(mp3).hexdigest()}.trial"
    sound.write_whole(trial, mp3)
    try:
        sound.decode_own(trial, settings)
    except AudioRefused:
        raise _unavailable("gave something that does not play") from None
    finally:
        trial.unlink(missing_ok=True)


def _unavailable(what: str) -> SpeechUnavailable:
    return SpeechUnavailable(
        f"Google's speech service {what}: try again later, or set speech.engine to pico, the offline voice"
    )
