"""A report has its message's waveform from the file that is played, while it is there."""

from __future__ import annotations

from ivr.usecases.recording import end_result, listen_result, record
from ivr.usecases.reports import PARTS, report_of, with_sound
from tests.integration.scene import ON_SQLITE, SOUNDS, Scene, listen

SILENT, LOUD = b"\xd5", b"\x2a"


@ON_SQLITE
def test_the_sound_that_is_played_is_beneath_the_curve_while_it_is_there(scene: Scene) -> None:
    campaign = scene.campaign(1)
    [attempt] = scene.dialing(campaign, 1)
    record([listen_result(listen(attempt)), end_result(attempt, "answered", 90)], scene.store)
    name, length_ms = SOUNDS["message"]
    file = scene.settings.sounds_dir / f"{name}.alaw"
    file.write_bytes(SILENT * (length_ms * 4) + LOUD * (length_ms * 4))
    told = report_of(scene.store, campaign)
    wave = with_sound(told, scene.settings).waveform
    assert len(wave) == PARTS
    assert max(wave[: PARTS // 2]) < 0.01
    assert set(wave[PARTS // 2 :]) == {1.0}
    file.unlink()
    assert with_sound(told, scene.settings) == told
