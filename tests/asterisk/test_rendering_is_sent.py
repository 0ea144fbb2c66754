"""What Asterisk sends is what was rendered, bit for bit: it neither transcodes nor touches the level."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from ivr.adapters import pico, sound
from ivr.adapters.pbx import channelvars
from ivr.rules.segments import Segment
from tests.asterisk.conftest import LAWS, Ami, Callee, RunningPbx, wait_for
from tests.asterisk.test_lab import Scripts

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(120)]

TEXTS = {
    Segment.PREROLL: "Message de la mairie.",
    Segment.MESSAGE: "La réunion publique de jeudi aura lieu à dix-neuf heures, salle des fêtes.",
    Segment.NOTICE: "Pour ne plus être appelé, tapez neuf.",
    Segment.CONFIRMATION: "C'est noté.",
}


@pytest.fixture
def rendered(pbx: RunningPbx, tmp_path: Path) -> dict[Segment, str]:
    """Real speech, rendered by the product into the sounds folder of that Asterisk."""
    names = {}
    for segment, text in TEXTS.items():
        spoken = tmp_path / f"{segment}.wav"
        spoken.write_bytes(pico.speak(text, "fr-FR"))
        pcm = sound.decode_own(spoken, pbx.settings)
        names[segment] = sound.render(pcm, pbx.settings.sounds_dir).sound
    return names


@pytest.mark.parametrize("with_script", [True, False], ids=["script", "dialplan alone"])
@pytest.mark.parametrize("law", LAWS)
def test_every_sample_arrives_as_it_was_rendered(
    law: str, with_script: bool, pbx: RunningPbx, ami: Ami, callee: Callee, rendered: dict[Segment, str]
) -> None:
    ear, attempt = callee(law=law), f"bits-{law}-{with_script}"
    given = {"ATTEMPT": attempt} | {segment.name: name for segment, name in rendered.items()}
    headers = {f"Variable_{name}": f"IVR_{name}={value}" for name, value in given.items()}
    with contextlib.closing(Scripts(pbx.settings)) if with_script else contextlib.nullcontext():
        answer = ami.action(
            "Originate", Channel=f"PJSIP/+33999000001@{law}", Context=channelvars.CONTEXT, Exten="s", Priority="1",
            ChannelId=attempt, Async="true", Timeout="9000", **headers,
        )  # fmt: skip
        assert answer["Response"] == "Success", answer
        ami.ended(attempt)
    segments = [Segment.PREROLL, Segment.MESSAGE, Segment.NOTICE] if with_script else [Segment.PREROLL, Segment.NOTICE]
    files = [(pbx.settings.sounds_dir / f"{rendered[segment]}.{law}").read_bytes() for segment in segments]
    whole = b"".join(files)
    wait_for(lambda: len(ear.heard()) >= len(whole), "the last packet")
    assert ear.heard() == whole
