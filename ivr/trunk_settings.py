"""What is known of a SIP carrier: one section `[trunks.NAME]` of the settings, checked as a whole when it is read."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_HOST = r"[A-Za-z0-9.\-\[\]:]+"
_HOSTS = rf"^({_HOST}(,{_HOST})*)?$"
_CODECS = ("alaw", "ulaw", "g722", "gsm")
_CODEC = f"({'|'.join(_CODECS)})"
MOST_HOSTS = 8


class Section(BaseModel):
    """One section of the settings; a name that it does not know is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Trunk(Section):
    """A SIP carrier with its limits."""

    host: str = Field(pattern=rf"^{_HOST}$", description="host or host:port of the carrier")
    other_hosts: str = Field(
        "", pattern=_HOSTS, description="its other hosts, tried in this order when one does not answer: `b:5060,c`"
    )
    weights: str = Field(
        "",
        pattern=r"^([0-9]{1,4}(,[0-9]{1,4})*)?$",
        description="share of the calls that each host is asked for first, `host` first: `2,1,0`; empty: all at `host`",
    )
    probe_s: float = Field(
        30.0, ge=1, le=3600, description="seconds between two questions whether a host answers, with other_hosts"
    )
    outbound_proxy: str = Field(
        "", pattern=rf"^({_HOST})?$", description="host or host:port through which all SIP to the carrier goes"
    )
    rate_cps: float = Field(1.0, gt=0, le=1000, description="calls started in any rolling second, at most")
    channels: int = Field(30, ge=1, description="calls at once, at most")
    ramp_s: float = Field(
        10.0, ge=0, le=600, description="seconds from one call a second to the full rate, after a pause or trouble"
    )
    caller_id: str = Field("", description="number shown to the people called, as granted by the carrier (+33…)")
    allowed_caller_ids: str = Field(
        "",
        pattern=r"^(\+[1-9][0-9]{2,14}\*?(,\+[1-9][0-9]{2,14}\*?)*)?$",
        description="numbers that the carrier grants, `*` for a range: `+3319900*`; empty: caller_id alone",
    )
    identity: Literal["from", "p_asserted", "remote_party"] = Field(
        "from", description="where the carrier reads caller_id: From, P-Asserted-Identity or Remote-Party-ID"
    )
    callbacks: bool = Field(
        False, description="true: who calls caller_id back through this trunk hears who called, and can stop the calls"
    )
    attest: Literal["", "A", "B", "C"] = Field(
        "", description="STIR/SHAKEN: what is attested of caller_id in every call; empty: calls are not signed by us"
    )
    attest_key: str = Field("", description="private key (PEM, P-256) that signs, given with the number's certificate")
    attest_certificate_url: str = Field(
        "",
        pattern=r"^((https://|http://127\.0\.0\.1:)[A-Za-z0-9.:/_~%\-]+)?$",
        description="where whoever is called fetches the certificate of that key: https",
    )
    from_domain: str = Field(
        "", pattern=r"^[A-Za-z0-9.\-]*$", description="domain in From, if the carrier wants its own; empty: our address"
    )
    username: str = Field("", description="name for authentication; empty: by address")
    password: str = Field("", description="secret for authentication", repr=False)
    register_with: bool = Field(False, description="true: register with the carrier, at each of its hosts")
    transport: Literal["udp", "tcp", "tls"] = Field("udp", description="SIP transport")
    srtp: Literal["off", "required"] = Field(
        "off", description="required: speech is encrypted, or the call fails; needs transport tls"
    )
    codecs: str = Field(
        "alaw,ulaw",
        pattern=rf"^{_CODEC}(,{_CODEC})*$",
        description=f"codecs offered, in order, of {', '.join(_CODECS)}",
    )
    number_format: Literal["e164", "plus_e164", "national", "international"] = Field(
        "plus_e164", description="how a number is written to the carrier: 336…, +336…, 06… or 00336…"
    )
    number_prefix: str = Field(
        "", pattern=r"^[0-9*#]{0,8}$", description="what the carrier wants before each number, a + excepted"
    )

    @property
    def hosts(self) -> tuple[str, ...]:
        """Every host of the carrier, `host` first."""
        return (self.host, *(one for one in self.other_hosts.split(",") if one))

    @property
    def shares(self) -> tuple[int, ...]:
        """The weight of each host; without weights all calls begin at the first."""
        if not self.weights:
            return (1, *(0 for _ in self.hosts[1:]))
        return tuple(map(int, self.weights.split(",")))

    def hosts_from(self, index: int) -> tuple[int, ...]:
        """The order in which the hosts are tried by a call that begins at that one: indexes of `hosts`."""
        return (index, *(other for other in range(len(self.hosts)) if other != index))

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for wrong, why in (
            (len(set(self.hosts)) < len(self.hosts), "other_hosts: each host once"),
            (len(self.hosts) > MOST_HOSTS, f"other_hosts: at most {MOST_HOSTS} hosts in all"),
            (len(self.shares) != len(self.hosts), f"weights: one for each host, here {len(self.hosts)}, host first"),
            (not any(self.shares), "weights: at least one host needs a share above 0"),
            (len(set(self.codecs.split(","))) < self.codecs.count(",") + 1, "codecs: each codec once"),
            (self.srtp != "off" and self.transport != "tls", _KEYS_IN_THE_OPEN),
            (bool(self.attest) > bool(self.caller_id), "attest: a call that shows no caller_id has nothing to attest"),
            (self.callbacks > bool(self.caller_id), "callbacks: a number to call back is needed, caller_id"),
            (len({bool(self.attest), bool(self.attest_key), bool(self.attest_certificate_url)}) > 1, _ALL_THREE),
            (not self._grants_its_own(), f"caller_id: {self.caller_id} is not among allowed_caller_ids"),
        ):
            if wrong:
                raise ValueError(why)
        return self

    def _grants_its_own(self) -> bool:
        granted = [one for one in self.allowed_caller_ids.split(",") if one]
        return not (granted and self.caller_id) or any(_covers(one, self.caller_id) for one in granted)


_KEYS_IN_THE_OPEN = 'srtp: its keys would travel in the open; set transport = "tls" too'
_ALL_THREE = "attest: attest, attest_key and attest_certificate_url belong together"


def _covers(granted: str, number: str) -> bool:
    return number.startswith(granted[:-1]) if granted.endswith("*") else number == granted
