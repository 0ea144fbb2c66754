"""Why a recording cannot be used, in one sentence that says what to do, in French and in English."""

from __future__ import annotations

from ivr.errors import AudioRefused

LANGUAGES = ("en", "fr")
ACCEPTED = {
    "en": "wav, mp3, m4a, ogg, opus, webm, mp4, flac, aiff, wma, 3gp or amr",
    "fr": "wav, mp3, m4a, ogg, opus, webm, mp4, flac, aiff, wma, 3gp ou amr",
}
FINDINGS = {"too_long": "too_long", "too_short": "too_short", "silent": "silent", "no_telephone_band": "silent"}
"""Refusals that the checks of a recording know by a name of their own; the others are `unreadable` to them."""

REFUSALS: dict[str, tuple[str, str]] = {
    "not_a_file": (
        "{name} is not a file: give the recording itself ({accepted})",
        "{name} n'est pas un fichier : donnez l'enregistrement lui-même ({accepted})",
    ),
    "not_allowed": (
        "{name} cannot be read ({system}): allow this user to read it",
        "{name} ne peut pas être lu ({system}) : donnez-en le droit à cet utilisateur",
    ),
    "empty": (
        "{name} is empty (0 bytes): save the recording again and give that file",
        "{name} est vide (0 octet) : enregistrez-le de nouveau et donnez ce fichier",
    ),
    "too_large": (
        "{name} is larger than {most_mb} MB, the largest recording: save it as mp3 or m4a",
        "{name} fait plus de {most_mb} Mo, la limite : enregistrez-le en mp3 ou en m4a",
    ),
    "text": (
        "{name} is text, perhaps a playlist or a page, not a recording, whatever its name says: give a {accepted} file",
        "{name} est du texte, peut-être une liste de lecture ou une page, et non un enregistrement, quoi que dise son "
        "nom : donnez un fichier {accepted}",
    ),
    "unknown_kind": (
        "{name} is of an unknown kind, not a recording, whatever its name says: give a {accepted} file",
        "{name} est d'un type inconnu, ce n'est pas un enregistrement, quoi que dise son nom : donnez un fichier "
        "{accepted}",
    ),
    "archive_too": (
        "{name} is a recording and an archive at once: save the recording again and give that file",
        "{name} est à la fois un enregistrement et une archive : enregistrez-le de nouveau et donnez ce fichier",
    ),
    "page_too": (
        "{name} is a recording and a page or a program at once: save the recording again and give that file",
        "{name} est à la fois un enregistrement et une page ou un programme : enregistrez-le de nouveau et donnez ce "
        "fichier",
    ),
    "cut_short": (
        "{name} is cut short: it announces {claimed_s} s, but only {read_s} s can be read: give the whole file",
        "{name} est tronqué : il annonce {claimed_s} s, on n'en lit que {read_s} : donnez le fichier entier",
    ),
    "bytes_missing": (
        "{name} is cut short: it announces {announced} bytes and has {size}: give the whole file",
        "{name} est tronqué : il annonce {announced} octets et en a {size} : donnez le fichier entier",
    ),
    "too_slow": (
        "{name} takes too long to read: save it again as mp3 or wav and give that file",
        "{name} est trop long à lire : enregistrez-le de nouveau en mp3 ou en wav et donnez ce fichier",
    ),
    "rate": (
        "{name} has {rate_hz} samples per second (8,000 to 192,000 are accepted): save it as mp3 or wav",
        "{name} a {rate_hz} échantillons par seconde (8 000 à 192 000 sont acceptés) : enregistrez-le en mp3 ou en wav",
    ),
    "no_rate": (
        "{name} has an impossible number of samples per second: save it as mp3 or wav",
        "{name} a un nombre impossible d'échantillons par seconde : enregistrez-le en mp3 ou en wav",
    ),
    "no_sound": (
        "{name} has no sound in it: give a {accepted} file with a recording",
        "{name} ne contient aucun son : donnez un fichier {accepted} avec un enregistrement",
    ),
    "nothing": (
        "{name} lasts 0 s: it has no sound in it; save the recording again and give that file",
        "{name} dure 0 s : il ne contient aucun son ; enregistrez-le de nouveau et donnez ce fichier",
    ),
    "codec": (
        "{name} uses the audio codec {codec}, which is not accepted: save it as mp3 or wav",
        "{name} utilise le codec audio {codec}, qui n'est pas accepté : enregistrez-le en mp3 ou en wav",
    ),
    "damaged": (
        "{name} is damaged or incomplete and cannot be read: save the recording again and give that file",
        "{name} est abîmé ou incomplet et ne peut pas être lu : enregistrez-le de nouveau et donnez ce fichier",
    ),
    "too_long": (
        "{name} lasts more than {most_s} s, the longest message: shorten it",
        "{name} dure plus de {most_s} s, la limite d'un message : raccourcissez-le",
    ),
    "too_short": (
        "{name} has {heard_s} s of sound, the shortest message has {least_s} s: record a longer one",
        "{name} n'a que {heard_s} s de son, un message en a au moins {least_s} : enregistrez-en un plus long",
    ),
    "silent": (
        "{name} is silent: check the microphone, record again and give that file",
        "{name} est silencieux : vérifiez le micro, enregistrez de nouveau et donnez ce fichier",
    ),
    "no_telephone_band": (
        "{name} has hardly anything that a telephone carries: record a voice",
        "{name} n'a presque rien que le téléphone transmette : enregistrez une voix",
    ),
    "cut_off": (
        "{name} could not be prepared with the time and memory there are: save it as mp3, try again",
        "{name} n'a pas pu être préparé avec le temps et la mémoire qu'il y a : enregistrez-le en mp3 et réessayez",
    ),
}


def refusal(why: str, name: str, **values: str | float) -> AudioRefused:
    """The error that says `why` `name` cannot be used, in each language; numbers are written as they are given."""
    english, french = (_filled(why, index, name, values) for index in range(2))
    return AudioRefused(english, FINDINGS.get(why, "unreadable"), french)


def _filled(why: str, index: int, name: str, values: dict[str, str | float]) -> str:
    language = LANGUAGES[index]
    written = {key: _written(value, language) for key, value in values.items()}
    return REFUSALS[why][index].format(name=name, accepted=ACCEPTED[language], **written)


def _written(value: str | float, language: str) -> str:
    """A number without needless noughts, with a comma in French; a text as it is."""
    if isinstance(value, str):
        return value
    text = f"{value:g}" if isinstance(value, float) else f"{value:,}"
    return text.replace(",", "\u202f").replace(".", ",") if language == "fr" else text
