"""What is heard and seen of a preview: the sound, by parts where the browser asks so, and its picture."""

from __future__ import annotations

import re

from fastapi import Response

from ivr.doors.preview import svg
from ivr.doors.web.guard import Visit
from ivr.usecases.previewing import Preview


def wav(visit: Visit, preview: Preview) -> Response:
    """The sound, or the part of it that the browser asks for: Safari plays nothing else."""
    whole = preview.wav
    headers = {"accept-ranges": "bytes"}
    asked = re.fullmatch(r"bytes=(\d{1,12})-(\d{0,12})", visit.request.headers.get("range", ""), re.ASCII)
    if asked is None:
        return Response(whole, media_type="audio/wav", headers=headers)
    first, last = int(asked[1]), min(int(asked[2] or len(whole) - 1), len(whole) - 1)
    if first > last:
        return Response(status_code=416, headers=headers | {"content-range": f"bytes */{len(whole)}"})
    headers["content-range"] = f"bytes {first}-{last}/{len(whole)}"
    return Response(whole[first : last + 1], 206, media_type="audio/wav", headers=headers)


def picture(visit: Visit, preview: Preview) -> Response:
    """The shape of the sound."""
    return Response(svg(preview, visit.language), media_type="image/svg+xml")
