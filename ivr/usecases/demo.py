"""The main job in a folder of its own: a list and a recording in, real calls out, a listen rate and its proof."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from ivr.adapters.store import Store
from ivr.rules.records import Campaign
from ivr.settings import HOME, Settings, load
from ivr.usecases import contacts, lab, running, uploading
from ivr.usecases.drafting import Draft, create
from ivr.usecases.prompts import Texts, sample_message

NAME = "demo"
SEED = 387
"""Of the seeds tried, the one whose last calls end soonest: nobody who repeats the message is called late."""

SETTINGS = """\
# The settings of the demonstration, made by `ivr lab demo`. Every port is a free one, so that it can run beside others.
var = "."
[pbx]
sip_port = 0
ami_port = 0
agi_port = 0
channels = 400
[calls]
pause_above_alarm = false # its people press 9 more often than people do
ring_timeout_s = 10
[lab]
enabled = true
[trunks.lab]
host = "127.0.0.1:0"
rate_cps = {rate_cps:g}
channels = 400
caller_id = "+33199000000"
"""

TEXTS = Texts(
    sponsor="Jeanne Martin",
    role="candidate à l'élection municipale",
    controller="l'association Martin",
    source="votre formulaire d'inscription",
    website="martin.example",
)

Progress = Callable[[str], None]


def settings_in(folder: Path, rate_cps: float) -> Settings:
    """The demonstration's own settings, in a new folder: what an earlier demonstration left there is gone."""
    if (folder / "portevoix.toml").exists():
        running.down_if_up(load(folder / "portevoix.toml"))
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "portevoix.toml").write_text(SETTINGS.format(rate_cps=rate_cps), encoding="utf-8")
    return load(folder / "portevoix.toml")


def prepare(store: Store, settings: Settings, people: int, progress: Progress) -> Campaign:
    """A draft: `people` invented people, the sample message, and the electorate planned for what they will hear."""
    progress(f"importing {people} invented people")
    batch = contacts.import_file(store, settings, lab.contacts(settings, people, SEED), NAME).batch
    progress("rendering the sample message, pre-roll, notice and confirmation")
    message = uploading.add(store, settings, sample_message(settings), NAME)
    draft = Draft(NAME, (message.name,), batch.name, ("lab",), TEXTS, "fr", hours="00:00-24:00", retry="never")
    campaign = create(store, settings, draft)
    lab.set_campaign(settings, campaign)
    lab.plan(settings, people, SEED)
    return campaign


def default_folder() -> Path:
    """Where the demonstration runs unless told otherwise."""
    return HOME / "var" / NAME


def write_json(path: Path, value: object) -> None:
    """The file holds the value as JSON."""
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
