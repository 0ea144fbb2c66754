"""A preview as files: what is heard, a picture of it, and a page that shows both; none asks anything of a server."""

from __future__ import annotations

from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from ivr.rules.recording_words import SEVERITIES, says
from ivr.rules.segments import Segment
from ivr.usecases.previewing import Preview, Stretch

WIDTH, HEIGHT, TOP, BOTTOM = 1000, 240, 44, 200
STEPS_S = (1, 2, 5, 10, 15, 20, 30, 60)
MOST_TICKS = 14
WORDS = {
    "fr": {
        Segment.PREROLL: "annonce", Segment.MESSAGE: "message", Segment.NOTICE: "mention légale",
        "title": "Aperçu au téléphone", "from": "de", "to": "à", "nothing": "Rien à signaler.",
        "listen": "Exactement ce qu'Asterisk enverra (loi A, 8 kHz).", "found": "Ce qui a été trouvé",
        "said": "Ce qui est dit", "colon": " : ",
    },
    "en": {
        Segment.PREROLL: "pre-roll", Segment.MESSAGE: "message", Segment.NOTICE: "notice",
        "title": "As the telephone will sound", "from": "from", "to": "to", "nothing": "Nothing was found.",
        "listen": "Exactly what Asterisk will send (A-law, 8 kHz).", "found": "What was found",
        "said": "What is said", "colon": ": ",
    },
}  # fmt: skip

_PAGES = Environment(
    loader=PackageLoader("ivr.doors.preview", "pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A finding on the picture. x: where, None when it is everywhere; number: by which the list names it."""

    number: int
    x: float | None
    severity: str
    colour: str
    at: str
    wrong: str
    remedy: str


def svg(preview: Preview, language: str) -> str:
    """The waveform with the borders of its segments and a mark at each finding, told in words too."""
    return _PAGES.get_template("waveform.svg.j2").render(_facts(preview, language))


def page(preview: Preview, language: str, wav_name: str) -> str:
    """A page with the picture and a player for the file `wav_name` beside it."""
    return _PAGES.get_template("preview.html.j2").render(_facts(preview, language), wav_name=wav_name)


def clock(at_ms: float) -> str:
    """Minutes and seconds: "0:07"."""
    minutes, seconds = divmod(int(at_ms // 1000), 60)
    return f"{minutes}:{seconds:02}"


def _facts(preview: Preview, language: str) -> dict[str, object]:
    def x(at_ms: float) -> float:
        return round(WIDTH * at_ms / preview.length_ms, 1)

    length_s = preview.length_ms / 1000
    step_s = next((step for step in STEPS_S if length_s / step <= MOST_TICKS), STEPS_S[-1])
    return {
        "preview": preview,
        "language": language,
        "words": WORDS[language],
        "clock": clock,
        "x": x,
        "wave": _wave(preview),
        "ticks": [(x(1000 * at_s), clock(1000 * at_s)) for at_s in range(0, int(length_s) + 1, step_s)],
        "shown": _shown(preview, language, x),
        "told": _told(preview, language),
        "size": (WIDTH, HEIGHT, TOP, BOTTOM),
    }


def _wave(preview: Preview) -> str:
    """The outline of the sound: along its highest samples, and back along its lowest."""
    middle, half = (TOP + BOTTOM) / 2, (BOTTOM - TOP) / 2
    step = WIDTH / len(preview.peaks)
    upper = [f"{index * step:.1f},{middle - half * high:.1f}" for index, (_, high) in enumerate(preview.peaks)]
    lower = [f"{index * step:.1f},{middle - half * low:.1f}" for index, (low, _) in enumerate(preview.peaks)]
    return f"M{' L'.join(upper + lower[::-1])} Z"


def _shown(preview: Preview, language: str, x: object) -> list[Shown]:
    colours = {"refuses": "#b00020", "warns": "#9a5b00", "notes": "#005a8c"}
    shown = []
    for number, mark in enumerate(preview.marks, 1):
        wrong, remedy = says(mark.finding, language)
        place = None if mark.at_ms is None else x(mark.at_ms)  # type: ignore[operator]
        at = "" if mark.at_ms is None else clock(mark.at_ms)
        severity = SEVERITIES[language][mark.finding.severity]
        shown.append(Shown(number, place, severity, colours[mark.finding.severity], at, wrong, remedy))
    return shown


def _told(preview: Preview, language: str) -> str:
    """The picture in words, for those who do not see it."""
    words = WORDS[language]

    def stretch(one: Stretch) -> str:
        return f"{words[one.segment]} {words['from']} {clock(one.begin_ms)} {words['to']} {clock(one.end_ms)}"

    parts = "; ".join(stretch(one) for one in preview.stretches)
    found = " ".join(
        f"{mark_number}. {says(mark.finding, language)[0]}"
        + (f" ({clock(mark.at_ms)})" if mark.at_ms is not None else "")
        + "."
        for mark_number, mark in enumerate(preview.marks, 1)
    )
    return f"{parts}. {found or words['nothing']}"
