"""The names that the dialplan, the call scripts and the controller share: one table, so that none is spelt twice.

tests/unit/test_dialplan_names.py compares it with dialplans/ in both directions.
"""

from __future__ import annotations

CONTEXT = "ivr-message"
"""Where the controller sends an answered call (extension s, priority 1)."""

RELEASE_CONTEXT = "ivr-release"
"""Where the controller sends a call that is to end at once and has not come to its last words."""

AGI_ROUTE = "play_message"
"""The call script that the context asks for; its arguments are ATTEMPT, PREROLL, MESSAGE, NOTICE, CONFIRMATION."""

# Set by the controller in Originate: the attempt's id, and names of files in SOUNDS without folder and extension.
ATTEMPT = "IVR_ATTEMPT"
PREROLL = "IVR_PREROLL"
MESSAGE = "IVR_MESSAGE"
NOTICE = "IVR_NOTICE"
CONFIRMATION = "IVR_CONFIRMATION"

# Set by the call script.
SEGMENT = "IVR_SEGMENT"  # before each segment: preroll, message, notice, confirmation; "after" once all were played
RESULT = "IVR_RESULT"  # "done" at the ordinary end, "file" when a file of the campaign is missing
BEGAN = "IVR_BEGAN"  # with SEGMENT: when that segment began, milliseconds since the epoch
PLAYED = "IVR_PLAYED"  # what was heard before: SEGMENT.HEARD_MS.BEGAN, a hyphen between, BEGAN as above

# Set by the controller in a call that is to end at once, and read by the call script.
RELEASED = "IVR_RELEASED"  # "asked": no repeat any more; "moved": it is redirected to RELEASE_CONTEXT, nobody hung up

# Set by the dialplan.
REASON = "IVR_REASON"  # why the fallback speaks: agi, file, guard, released

CALLED = "IVR_CALLED"  # the number shown, which somebody calls back
FROM = "IVR_FROM"  # who does, "" when it is withheld

# Globals of extensions.conf.
SOUNDS = "IVR_SOUNDS"
AGI = "IVR_AGI"
STOPS = "IVR_STOPS"  # the file of stops
GRACE_S = "IVR_GRACE_S"
LIMIT_S = "IVR_LIMIT_S"
CALLBACK_STOPS = "IVR_CALLBACK_STOPS"  # the file of stops of those who call back
CALLBACK_CHANNELS = "IVR_CALLBACK_CHANNELS"  # how many of them at once
CALLBACK_ALONE = "IVR_CALLBACK_ALONE"  # what they hear without a script; after their 9; when their number is withheld
CALLBACK_NEVER = "IVR_CALLBACK_NEVER"
CALLBACK_UNKNOWN = "IVR_CALLBACK_UNKNOWN"

FROM_CONTROLLER = (ATTEMPT, PREROLL, MESSAGE, NOTICE, CONFIRMATION)
FROM_SCRIPT = (SEGMENT, RESULT, BEGAN, PLAYED)
FROM_DIALPLAN = (REASON, CALLED, FROM)
CALLBACK = (CALLBACK_STOPS, CALLBACK_CHANNELS, CALLBACK_ALONE, CALLBACK_NEVER, CALLBACK_UNKNOWN)
GLOBALS = (SOUNDS, AGI, STOPS, GRACE_S, LIMIT_S, *CALLBACK)
ALL = (*FROM_CONTROLLER, *FROM_SCRIPT, *FROM_DIALPLAN, *GLOBALS)

RESULT_DONE = "done"
RESULT_FILE = "file"
RESULT_RELEASED = "released"  # set by ivr-release
SEGMENT_AFTER = "after"
RELEASED_ASKED = "asked"
RELEASED_MOVED = "moved"

# UserEvents of the dialplan. Each has the header Attempt.
EVENT_FALLBACK = "IvrFallback"  # Segment (how far the script had come, "" = nowhere), Began, Played, Reason
EVENT_PLAY = "IvrPlay"  # Segment, Status: begin, end, missing
EVENT_STOP = "IvrStop"
EVENTS = (EVENT_FALLBACK, EVENT_PLAY, EVENT_STOP)

STOP_FAMILY = "ivr_stop"
"""Family in Asterisk's own database: attempt id to the epoch second of the 9. The truth is a file: see stops.py."""

BUILTIN_NOTICE = "builtin-notice"
"""The notice that is played when the campaign's own is missing."""
