"""Live progress of a campaign: it reads, it drives nothing, so the campaign goes on when the terminal ends."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.live import Live
from rich.text import Text

from ivr.adapters.store import Store
from ivr.doors.cli.parts import console, halt_line, say
from ivr.errors import NotReady
from ivr.rules.alarm import OptOuts
from ivr.rules.billing import Spending
from ivr.rules.records import Books, Campaign
from ivr.rules.states import CampaignState
from ivr.rules.tally import UNIT, Sums
from ivr.settings import Settings
from ivr.usecases import limits, troubles
from ivr.usecases.drafting import AS_ITS_TRUNKS_CPS
from ivr.usecases.gauging import Gauge, Reading
from ivr.usecases.originating import BUDGET_SPENT
from ivr.usecases.protecting import Pause, why_paused

REFRESH_S = 0.5
PLAIN_EVERY_S = 5.0
OVER = {CampaignState.FINISHED, CampaignState.STOPPED, CampaignState.PAUSED}


def follow(store: Store, settings: Settings, campaign: Campaign) -> None:
    """Shows the campaign until it is over or paused, in one line that renews itself, or line by line when piped."""
    with contextlib.closing(Meter(store, settings, campaign)) as meter:
        _follow(meter, campaign)


def _follow(meter: Meter, campaign: Campaign) -> None:
    shown_at = 0.0
    try:
        with Live(console=console, auto_refresh=False, transient=True) if sys.stdout.isatty() else _Plain() as live:
            while True:
                text = meter.line()
                if isinstance(live, Live):
                    live.update(text, refresh=True)
                elif time.monotonic() - shown_at >= PLAIN_EVERY_S:
                    say(text.plain)
                    shown_at = time.monotonic()
                if meter.state in OVER:
                    break
                time.sleep(REFRESH_S)
    except KeyboardInterrupt:
        say(f"\n{campaign.name} goes on; `ivr campaign status {campaign.name} --follow` shows it again")
        return
    say(meter.line().plain)
    for version in version_lines(meter.store, campaign):
        say(version.plain)


def version_lines(store: Store, campaign: Campaign) -> list[Text]:
    """Where each version of the campaign's message stands, a line each; none where everybody hears the same."""
    if not campaign.versions:
        return []
    books = store.campaigns.books(campaign.id, len(campaign.versions)).versions
    sums = store.tallies.whole(campaign.id)
    lines = []
    for number, (version, mine) in enumerate(zip(campaign.versions, books, strict=True)):
        done = sum(mine.outcomes.values())
        parts = (
            f"  version {version.name} ({version.share:.1%})",
            f"{done + mine.in_progress + mine.waiting}/{mine.targets} called",
            f"{mine.outcomes.get('answered', 0)} answered",
            _listen_rate(sums.get(number, Sums())),
            f"{sum(mine.not_allowed.values())} not allowed",
        )
        lines.append(Text(" · ".join(part for part in parts if part)))
    return lines


def line(store: Store, settings: Settings, campaign: Campaign) -> Text:
    """Where the campaign stands, in one line."""
    with contextlib.closing(Meter(store, settings, campaign)) as meter:
        return meter.line()


def _paused(why: Pause | None) -> str:
    if why is None:
        return ""
    asked = f"{why.stopped} of {why.heard} people asked to stop, above {why.line_per_thousand:g} per 1,000"
    return f"⚠ PAUSED BY ITSELF: {asked}; look at the list and the message, then `ivr campaign resume` or `stop`"


def _money(spending: Spending | None) -> str:
    """What was spent and is held, and what is left of the budget; with VAT."""
    if spending is None:
        return ""
    parts = [f"{_amount(spending.spent_cents)} {spending.currency} spent"]
    if spending.budget_cents is not None and spending.left_cents is not None:
        left = f"{_amount(spending.left_cents)} left of {_amount(spending.budget_cents)}"
        parts += [f"{_amount(spending.held_cents)} held", left]
    return ", ".join(parts)


class _Plain:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


class Meter:
    """Says in one line what the gauge reads."""

    def __init__(self, store: Store, settings: Settings, campaign: Campaign) -> None:
        self.store = store
        self._campaign = campaign
        self._settings = settings
        self._gauge = Gauge(store, settings, campaign.id)
        self.state = campaign.state

    def close(self) -> None:
        """No connection is left open."""
        self._gauge.close()

    def line(self) -> Text:
        """State, people called, rate, channels, answered, listen rate so far, time left."""
        now = self._gauge.read()
        books, self.state = now.books, now.campaign.state
        parts = [
            f"{self._campaign.name} {self.state.value}",
            f"{now.called}/{books.targets} called",
            f"{now.rate_cps:.1f} calls/s",
            *self._worst_seconds(),
            f"{now.channels} channels",
            f"{books.outcomes.get('answered', 0)} answered",
            self._listen_rate(now.sums),
            self._opt_outs(now.opt_outs),
            f"{sum(books.not_allowed.values())} not allowed",
            _money(now.spending),
            self._again(books),
            self._left(now),
            _paused(why_paused(self.store, now.campaign)),
            halt_line(now.halt) if now.halt else "",
        ]
        return Text(" · ".join(part for part in parts if part))

    def _listen_rate(self, sums: Mapping[int, Sums]) -> str:
        if self._campaign.versions:  # of unlike lengths: told of each apart
            return ""
        return _listen_rate(sums.get(0, Sums()))

    def _opt_outs(self, found: OptOuts | None) -> str:
        """Requests to stop per 1,000 answered calls of every version, and whether that is above the alarm line."""
        if found is None:
            return ""
        line = self._settings.calls.opt_out_alarm_per_thousand
        told = f"{found.per_thousand:.1f} opt-outs per 1,000 ({found.stopped} of {found.heard})"
        return f"{told} ⚠ ABOVE THE ALARM LINE of {line:g}: is this list right?" if found.above else told

    def _left(self, now: Reading) -> str:
        if self.state is not CampaignState.RUNNING:
            return ""
        if not now.books.due:
            return "last calls on the line"
        rate, fresh = now.rate_cps, now.books.due - now.books.waiting
        return f"{fresh / rate:.0f} s left" if rate and fresh else self._waits_for()

    def _again(self, books: Books) -> str:
        """How many people were called and are to be called again, and when the first of them is."""
        if not books.waiting or books.next_due_ms is None:
            return ""
        return f"{books.waiting} to be called again, from {_local(books.next_due_ms, self._campaign)}"

    def _worst_seconds(self) -> list[str]:
        """The most calls that any PBX began in a rolling second, of each of its trunks, beside what may be now."""
        return [
            f"worst second {state.worst_second} of {state.rate_cps:g} ({state.name})"
            for state in limits.trunks(self.store, self._settings)
            if state.name in self._campaign.trunks and state.worst_second
        ]

    def _waits_for(self) -> str:
        """Which rule of the Gate holds the campaign back, and until when."""
        try:
            hold = self._gauge.queues.hold(self._campaign.id)
        except NotReady:
            return "Redis does not answer"
        if hold is None:
            return ""
        rule, until = hold
        parked = troubles.parked(self._gauge.queues, (beat.name for beat in self.store.pbxs.all()), rule)
        if parked:
            return f"waits: {parked}"
        if rule == BUDGET_SPENT:
            raises = f"`ivr campaign set {self._campaign.name} --budget` raises it"
            return f"waits: the budget bears no further call; {raises}"
        if not until:
            return f"waits: {rule} (somebody must mend it)"
        return f"waits: {rule} until {_local(datetime.fromisoformat(until).timestamp() * 1000, self._campaign)}"


def limits_line(campaign: Campaign) -> str:
    """How fast the campaign calls, its part beside others, and when it expires."""
    own, expires_ms = campaign.rate_cps < AS_ITS_TRUNKS_CPS, campaign.expires_at_ms
    parts = [
        f"at most {campaign.rate_cps:g} calls/s" if own else "as many calls as its trunks allow",
        f"weight {campaign.weight:g}",
        f"priority {campaign.priority}",
        f"budget {_amount(campaign.budget_cents)}" if campaign.budget_cents is not None else "",
        "does not expire" if expires_ms is None else f"expires {_local(expires_ms, campaign)}",
    ]
    return " · ".join(part for part in parts if part)


def _amount(cents: int) -> str:
    return f"{cents / 100:,.2f}"


def _local(at_ms: float, campaign: Campaign) -> str:
    at = datetime.fromtimestamp(at_ms / 1000, ZoneInfo(campaign.timezone))
    return f"{at:%a %d %b %H:%M} ({campaign.timezone})"


def _listen_rate(sums: Sums) -> str:
    heard = sums["heard"]
    return f"listen rate so far {sums['share'] / UNIT / heard:.1%} of {heard}" if heard else ""
