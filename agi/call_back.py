"""The number that was shown, called back: who calls from it, and everything a person can ask there."""

from ivr.rules.calling_back import Choice
from ivr.usecases.calling_back import CallBack

SILENCES = 3


def call_back(call: CallBack) -> None:
    """Who calls. 1: message, 2: where numbers come from, 3: a request, 4: the next campaign, 0: English, 9: no more."""
    choice, silences = call.greet(), 0
    while silences < SILENCES:
        if choice is Choice.STOP and call.stop_calls():
            return
        if choice is Choice.REQUEST:
            call.take_request()
            return
        silences = 0 if choice else silences + 1
        choice = (choice and choice is not Choice.STOP and call.act(choice)) or call.menu()
    call.say_goodbye()
