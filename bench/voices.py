"""Speech whose words are known: two people's voices, which Debian has with their words, and Pico's.

June Wallack (French) and Allison Smith (English) spoke the prompts of Asterisk, CC BY-SA 3.0, 16 kHz. Their packages
are fetched once into the cache by apt, which checks them against the archive's key; nothing of them is installed.
"""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ivr.adapters import pico
from ivr.errors import ProgramMissing

PACKAGES = ("asterisk-core-sounds-{}", "asterisk-core-sounds-{}-g722")
HUMAN = {
    "fr": (
        "fr_CA_f_June",
        "conf-onlyperson followme/sorry followme/status privacy-prompt ss-noservice tt-allbusy vm-mailboxfull",
    ),
    "en": (
        "en_US_f_Allison",
        "conf-onlyperson followme/sorry followme/status privacy-unident ss-noservice queue-youarenext vm-tmpexists",
    ),
}
"""By language, a voice and its prompts: whole sentences without digits, of which there are many ways to write."""
MACHINE = {
    "fr": (
        "fr-FR",
        "Bonjour, ici la mairie. La réunion publique de jeudi aura lieu dans la salle des fêtes. Nous y parlerons des "
        "écoles, des transports et de l'entretien des rues. Vous y êtes les bienvenus, et vos questions aussi.",
    ),
    "en": (
        "en-GB",
        "Good evening. This is the town hall with news about the works in Station Road. From Monday the road is closed "
        "to cars during the day. Buses stop at the church instead. Thank you for your patience.",
    ),
}


@dataclass(frozen=True)
class Spoken:
    """A recording and its words. who: "human" or "machine"."""

    who: str
    language: str
    file: Path
    words: str


def all_of(folder: Path, cache: Path, make: Callable[..., Path]) -> list[Spoken]:
    """Each voice in each language, as wav files of 16 kHz in `folder`. make: runs ffmpeg."""
    found = []
    for language, (voice, text) in MACHINE.items():
        file = folder / f"machine-{language}.wav"
        file.write_bytes(pico.speak(text, voice))
        found.append(Spoken("machine", language, file, text))
    for language, (voice, names) in HUMAN.items():
        unpacked = _unpacked(language, cache / "bench-voices")
        texts = _texts(unpacked, language)
        prompts = [unpacked / "usr/share/asterisk/sounds" / voice / f"{name}.g722" for name in names.split()]
        inputs = [argument for prompt in prompts for argument in ("-f", "g722", "-i", prompt)]
        file = make(*inputs, "-filter_complex", f"concat=n={len(prompts)}:v=0:a=1", folder / f"human-{language}.wav")
        found.append(Spoken("human", language, file, " ".join(texts[name] for name in names.split())))
    return found


def _unpacked(language: str, folder: Path) -> Path:
    """The files of that language's packages."""
    target = folder / language
    if target.is_dir():
        return target
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise ProgramMissing("the human voices come as packages of Debian, which need apt-get and dpkg-deb here")
    part = folder / f"{language}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    part.chmod(0o755)
    named = [package.format(language) for package in PACKAGES]
    ran = subprocess.run(["apt-get", "download", *named], cwd=part, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise ProgramMissing(f"apt-get could not fetch {', '.join(named)} (`apt-get update` first?): {ran.stderr}")
    for package in part.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", package, part], check=True)
        package.unlink()
    part.rename(target)
    return target


def _texts(unpacked: Path, language: str) -> dict[str, str]:
    """What is said in each prompt."""
    (file,) = unpacked.rglob(f"core-sounds-{language}.txt.gz")
    lines = re.findall(r"^([\w/-]+): (.+)$", gzip.decompress(file.read_bytes()).decode("utf-8"), re.M)
    return dict(lines)
