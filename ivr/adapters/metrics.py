"""Metrics as Prometheus reads them (prometheus-client), gathered anew at each scrape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ivr.errors import PortInUse


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: what it says, its labels, and a value for each set of them. A counter's name has no `_total` here."""

    name: str
    kind: Literal["gauge", "counter"]
    says: str
    labels: tuple[str, ...] = ()
    values: Sequence[tuple[tuple[str, ...], float]] = field(default_factory=list)


Gather = Callable[[], Iterable[Family]]


class _Gathered(Collector):
    def __init__(self, gather: Gather) -> None:
        self._gather = gather

    def collect(self) -> Iterator[Metric]:
        for family in self._gather():
            kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
            metric = kind(family.name, family.says, labels=family.labels)
            for labels, value in family.values:
                metric.add_metric(list(labels), value)
            yield metric

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry is not to gather before the first scrape."""
        return ()


class Exporter:
    """Serves `/metrics` from a thread of its own until `close`; each scrape gathers. port 0: a free one."""

    def __init__(self, address: str, port: int, gather: Gather) -> None:
        registry = CollectorRegistry()
        registry.register(_Gathered(gather))
        try:
            self._server, self._thread = start_http_server(port, address, registry)
        except OSError as error:
            raise PortInUse(
                f"setting metrics.port: port {port} on {address} cannot be used ({error.strerror}); choose another"
            ) from None

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_port)

    def close(self) -> None:
        """Nobody listens any more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
