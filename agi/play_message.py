"""The call of a campaign: who calls, the message, the privacy notice."""

from ivr.rules.flow import Wish
from ivr.rules.segments import Segment
from ivr.usecases.conversation import Call


def play_message(call: Call) -> None:
    """Pre-roll, message, notice. 9 stops the calls for good at any time; * or 1 plays the message again."""
    wish = call.play(Segment.PREROLL)
    while wish is not Wish.STOP:
        wish = call.play(Segment.MESSAGE)
        if wish is None:
            wish = call.play(Segment.NOTICE) or call.wait_for_key()
        if wish is None:
            return
    call.stop_calls()
