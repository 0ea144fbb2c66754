"""Who is not a trunk reaches nothing, and a trunk reaches no further than a refusal, whatever it asks for."""

from __future__ import annotations

import itertools
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from ivr.settings import HOME
from tests.asterisk.conftest import SECRET, Ami, RunningPbx, running_pbx, wait_for

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]

STRANGER, TRUNK = "127.0.0.2", "127.0.0.1"
PREMIUM = "+8810000000"
NUMBERS = (PREMIUM, "0088100000", "900" + PREMIUM, "s", "ivr-message", "lab", "7001", "*9", "9", "admin", "h", "i", "t")
METHODS = ("OPTIONS", "REGISTER", "SUBSCRIBE", "MESSAGE", "PUBLISH", "NOTIFY", "INFO", "REFER", "UPDATE", "BYE")
REFUSED = {"401", "403", "404", "405", "420", "481"}
ANOTHER = "192.0.2.99"
"""An address that somebody would like to see banned."""
EVERYWHERE = (
    f"P-Asserted-Identity: <sip:{PREMIUM}@127.0.0.1>", f"Diversion: <sip:{PREMIUM}@127.0.0.1>;reason=unconditional",
    f"Referred-By: <sip:{PREMIUM}@127.0.0.1>", f"Remote-Party-ID: <sip:{PREMIUM}@127.0.0.1>;party=calling",
    f"Refer-To: <sip:{PREMIUM}@127.0.0.1>", f"Replaces: {PREMIUM};to-tag=1;from-tag=2", "Supported: replaces, 100rel",
    f"History-Info: <sip:{PREMIUM}@127.0.0.1>;index=1", f"X-Exten: {PREMIUM}", "X-Context: ivr-message",
)  # fmt: skip
_counted = itertools.count(1)


@dataclass
class Knocker:
    """Somebody at an address of loopback who sends SIP requests; `line` is where the answers come."""

    address: str
    pbx: RunningPbx
    line: socket.socket = field(default_factory=lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))

    def asks(self, method: str, uri: str, *more: str, body: str = "", user: str = "x", ident: str = "fraud") -> str:
        """The final status of the answer."""
        number = next(_counted)
        port = self.line.getsockname()[1]
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.address}:{port};branch=z9hG4bKfraud{number}",
            f"From: <sip:{user}@{self.address}>;tag=f{number}",
            f"To: <{uri}>",
            f"Call-ID: {ident}-{number}",
            f"CSeq: 1 {method}",
            f"Contact: <sip:{user}@{self.address}:{port}>",
            "Max-Forwards: 70",
            *more,
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        self.line.sendto(("\r\n".join(lines) + "\r\n\r\n" + body).encode(), (TRUNK, self.pbx.settings.pbx.sip_port))
        while True:
            answer = self.line.recv(65535).decode()
            if re.search(rf"branch=z9hG4bKfraud{number}\b", answer) and not answer.startswith("SIP/2.0 100"):
                return answer.split()[1]


@pytest.fixture(scope="module")
def pbx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPbx]:
    """One for these tests: its logs fill with complaints."""
    with running_pbx(tmp_path_factory.mktemp("fraud")) as running:
        yield running


@pytest.fixture
def knock(pbx: RunningPbx) -> Iterator[tuple[Knocker, Knocker]]:
    """A stranger and a trunk."""
    both = Knocker(STRANGER, pbx), Knocker(TRUNK, pbx)
    for one in both:
        one.line.bind((one.address, 0))
        one.line.settimeout(20)
    yield both
    for one in both:
        one.line.close()


@pytest.fixture
def carrier(pbx: RunningPbx) -> Iterator[socket.socket]:
    """Where a call that got out would arrive."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", pbx.carrier_port))
        line.setblocking(False)
        yield line


def sdp() -> str:
    return "v=0\r\no=x 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n"


def test_no_invite_gets_out_or_in(pbx: RunningPbx, knock: tuple[Knocker, Knocker], carrier: socket.socket) -> None:
    way = f"127.0.0.1:{pbx.settings.pbx.sip_port}"
    routes = ((), (f"Route: <sip:127.0.0.1:{pbx.carrier_port};lr>",), EVERYWHERE)
    stranger, trunk = knock
    for number, route in itertools.product(NUMBERS, routes):
        assert stranger.asks("INVITE", f"sip:{number}@{way}", *route, body=sdp()) == "401"
        assert trunk.asks("INVITE", f"sip:{number}@{way}", *route, body=sdp()) in REFUSED
    assert trunk.asks("INVITE", f"sip:{PREMIUM}@127.0.0.1:{pbx.carrier_port}", body=sdp()) in REFUSED
    with pytest.raises(BlockingIOError):
        carrier.recv(1)
    assert "0 active channels" in pbx.cli("core show channels")
    assert PREMIUM not in (pbx.settings.log_dir / "asterisk.log").read_text()


def test_a_scan_learns_no_name(pbx: RunningPbx, knock: tuple[Knocker, Knocker]) -> None:
    """What is said of a trunk that exists is what is said of one that does not."""
    stranger, _ = knock
    way = f"127.0.0.1:{pbx.settings.pbx.sip_port}"
    for method in METHODS:
        told = {stranger.asks(method, f"sip:{name}@{way}", user=name) for name in ("lab", "alaw", "nobody", "100")}
        assert len(told) == 1, (method, told)
        assert told <= REFUSED, (method, told)


def test_the_trunk_may_ask_whether_we_live_and_nothing_else(pbx: RunningPbx, knock: tuple[Knocker, Knocker]) -> None:
    _, trunk = knock
    way = f"127.0.0.1:{pbx.settings.pbx.sip_port}"
    for method in ("REGISTER", "SUBSCRIBE", "MESSAGE", "PUBLISH", "REFER", "NOTIFY"):
        status = trunk.asks(method, f"sip:s@{way}", "Event: presence", f"Refer-To: <sip:{PREMIUM}@{way}>")
        assert status[0] in "456", (method, status)


def test_the_manager_hears_nobody_from_elsewhere(pbx: RunningPbx) -> None:
    """The right secret from another address is refused, and written down with that address."""
    with socket.create_connection(("127.0.0.1", pbx.settings.pbx.ami_port), source_address=(STRANGER, 0)) as link:
        assert Ami(link).login("ivr", SECRET)["Response"] == "Error"
    wait_for(lambda: STRANGER in banned(pbx), "the line in the security log")


def test_who_knocks_is_found_by_the_filter_and_a_trunk_is_not(pbx: RunningPbx, knock: tuple[Knocker, Knocker]) -> None:
    stranger, trunk = knock
    way = f"127.0.0.1:{pbx.settings.pbx.sip_port}"
    before = banned(pbx).count(STRANGER)
    stranger.asks("INVITE", f"sip:{PREMIUM}@{way}", body=sdp(), user=PREMIUM)
    stranger.asks("REGISTER", f"sip:{way}", user="lab")
    trunk.asks("OPTIONS", f"sip:s@{way}")
    trunk.asks("INVITE", f"sip:{PREMIUM}@{way}", body=sdp())
    wait_for(lambda: banned(pbx).count(STRANGER) >= before + 2, "the lines in the security log")
    assert TRUNK not in banned(pbx)


def test_nobody_has_another_banned(pbx: RunningPbx, knock: tuple[Knocker, Knocker]) -> None:
    """What a stranger writes into the line is not read as his address; who rings back is not in it."""
    stranger, trunk = knock
    way = f"127.0.0.1:{pbx.settings.pbx.sip_port}"
    false = f'",RemoteAddress="IPV4/UDP/{ANOTHER}/5'
    before = banned(pbx).count(STRANGER)
    stranger.asks("OPTIONS", f"sip:{way}", ident=f"x{false}")
    stranger.asks("OPTIONS", f"sip:{way}", user=false.replace('"', "%22"))
    trunk.asks("INVITE", f"sip:s@{way}", body=sdp(), user="+33612345678")
    wait_for(lambda: banned(pbx).count(STRANGER) >= before + 2, "the lines in the security log")
    assert ANOTHER in (pbx.settings.log_dir / "security.log").read_text()
    assert ANOTHER not in banned(pbx)
    assert "33612345678" not in (pbx.settings.log_dir / "security.log").read_text()


def banned(pbx: RunningPbx) -> list[str]:
    """The addresses that the filter finds in the security log, as fail2ban reads it."""
    text = (HOME / "asterisk" / "fail2ban" / "filter.d" / "portevoix.conf").read_text(encoding="utf-8")
    [failregex] = re.findall(r"^failregex = (.+)$", text, re.M)
    pattern = re.compile(failregex.replace("<HOST>", r"(?P<host>[0-9a-fA-F.:]+)"), re.M)
    log = (pbx.settings.log_dir / "security.log").read_text(errors="replace")
    return [found["host"] for line in log.splitlines() if (found := pattern.search(line.partition("]")[2]))]
