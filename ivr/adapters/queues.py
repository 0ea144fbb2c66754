"""Redis and RQ: the bells. Losing all of it costs delay, never a second call.

Orders are a list per PBX, taken at most once: an order that is lost leaves a claim, which is given back. Results are a
stream with a consumer group, handled at least once: recording the same result twice changes nothing. RQ jobs carry
batches, never single calls: one costs about 57 Redis commands.
"""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar

import redis
from redis.exceptions import RedisError, ResponseError
from rq import Queue, Retry, SimpleWorker
from rq.exceptions import NoSuchJobError
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from ivr.adapters.rq_workers import ForkingWorker, PlainWorker, Struck
from ivr.errors import BadSetting, NotReady
from ivr.rules.records import Way

log = logging.getLogger(__name__)

ORIGINATE = "originate"
RECORD = "record"
MEDIA = "media"
RESULTS = "ivr:results"
DEAD = "ivr:results:dead"
"""Results that cannot be recorded, with the reason, for an engineer to look at; at most DEAD_KEPT of them."""
DEAD_KEPT = 10_000
GROUP = "record"
ORDER_TTL_S = 300
JOB_TIMEOUT_S = 60
WORKER_TTL_S = 20
"""An idle RQ worker says that it lives 15 s before this is over: every 5 s."""
MEDIA_TIMEOUT_S = 120
"""Preparing the longest recording takes some 15 s."""
FAILURE_TTL_S = 7 * 24 * 3600
HOLD_TTL_S = 10
BELL_MS = 2_500
"""A bell that was rung, or a job that goes on recording, stands for so long: an RQ job costs more than recording a
hundred results."""
BELL = "ivr:bell:record"
CLAIM_IDLE_MS = 12_000
"""A result read by a worker that died is read again after this long."""


P = ParamSpec("P")
T = TypeVar("T")


def _translated(method: Callable[P, T]) -> Callable[P, T]:
    """Redis' own errors become NotReady: it did not happen, or it did and doing it again is harmless."""

    @functools.wraps(method)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(*args, **kwargs)
        except RedisError as error:
            raise NotReady(f"Redis does not answer: {error}") from error

    return wrapper


class Queues:
    """One Redis, seen as orders, results, live figures and RQ queues."""

    def __init__(self, url: str) -> None:
        try:
            self._redis = redis.Redis.from_url(url, socket_timeout=10, socket_connect_timeout=5, decode_responses=True)
            self._raw = redis.Redis.from_url(url, socket_connect_timeout=5)  # RQ decodes for itself, and blocks long
        except ValueError as error:
            raise BadSetting(f"setting redis.url: {error}") from None

    @_translated
    def ping(self) -> None:
        """Returns if Redis answers; NotReady if it does not."""
        self._redis.ping()

    @_translated
    def durability(self) -> tuple[str, bool, bool]:
        """What Redis does with what it holds: policy when memory is full, append-only file or not, last write good."""
        memory: Any = self._redis.info("memory")
        disk: Any = self._redis.info("persistence")
        well = disk.get("aof_last_write_status", "ok") == "ok"
        return str(memory.get("maxmemory_policy", "")), bool(disk.get("aof_enabled")), well

    @_translated
    def ask_originate(self, campaign_id: int, way: Way, count: int, hold_s: float = 2.0) -> bool:
        """An RQ job will claim up to `count` targets of the campaign for `way`; False if one was asked a moment ago."""
        if not self._hold_key(_asked(campaign_id, way), int(hold_s * 1000)):
            return False
        self._enqueue(ORIGINATE, "ivr.doors.jobs.originate", campaign_id, way.pbx, way.trunk, count)
        return True

    @_translated
    def answered_ask(self, campaign_id: int, way: Way) -> None:
        """The asked claim was made: the PBX may ask again."""
        self._redis.delete(_asked(campaign_id, way))

    @_translated
    def ring_record(self) -> None:
        """An RQ job will record what is in the results, unless one was rung for a moment ago."""
        if self._hold_key(BELL, BELL_MS):
            self._enqueue(RECORD, "ivr.doors.jobs.record")

    @_translated
    def hold_bell(self) -> None:
        """A job goes on recording: for a moment nobody needs to ring."""
        self._redis.set(BELL, 1, px=BELL_MS)

    @_translated
    def free_bell(self) -> None:
        """The next results ring at once."""
        self._redis.delete(BELL)

    @_translated
    def ring_media(self, upload_id: str) -> None:
        """An RQ job will prepare that recording, and once more if its process is killed."""
        Queue(MEDIA, connection=self._raw, serializer=JSONSerializer).enqueue_call(
            "ivr.doors.media_jobs.prepare", (upload_id,), timeout=MEDIA_TIMEOUT_S, result_ttl=0,
            failure_ttl=FAILURE_TTL_S, job_id=f"media-{upload_id}", retry=Retry(max=1),
        )  # fmt: skip

    @_translated
    def media_asked(self, upload_id: str) -> bool:
        """Whether a job for that recording waits or runs."""
        try:
            job = Job.fetch(f"media-{upload_id}", connection=self._raw, serializer=JSONSerializer)
        except NoSuchJobError:
            return False
        return job.get_status() in (JobStatus.QUEUED, JobStatus.STARTED)

    def _hold_key(self, key: str, hold_ms: int) -> bool:
        """The key is there for so long; False if it was there already.

        One that would last longer is of the time before a clock was stepped back: for an hour nobody would be asked.
        """
        if self._redis.set(key, 1, nx=True, px=hold_ms):
            return True
        left_ms: Any = self._redis.pttl(key)
        return left_ms > hold_ms and bool(self._redis.set(key, 1, px=hold_ms))

    def _enqueue(self, queue: str, function: str, *args: Any) -> None:
        Queue(queue, connection=self._raw, serializer=JSONSerializer).enqueue_call(
            function, args, timeout=JOB_TIMEOUT_S, result_ttl=0, ttl=60, failure_ttl=FAILURE_TTL_S
        )

    @_translated
    def push_orders(self, pbx: str, orders: Iterable[str]) -> None:
        """The controller of `pbx` will find these orders."""
        waiting = list(orders)
        if waiting:
            key = f"ivr:orders:{pbx}"
            with self._redis.pipeline() as pipe:
                pipe.rpush(key, *waiting)
                pipe.expire(key, ORDER_TTL_S)
                pipe.execute()

    @_translated
    def take_orders(self, pbx: str, count: int) -> list[str]:
        """Up to `count` orders, no longer in Redis: an order is taken once or never."""
        taken: Any = self._redis.lpop(f"ivr:orders:{pbx}", count)
        return list(taken or [])

    @_translated
    def drop_orders(self, pbx: str) -> None:
        """No order waits for `pbx`."""
        self._redis.delete(f"ivr:orders:{pbx}")

    @_translated
    def publish_results(self, results: Iterable[Mapping[str, Any]]) -> None:
        """The results are in the stream."""
        self.publish_texts(map(json.dumps, results))

    @_translated
    def publish_texts(self, results: Iterable[str]) -> None:
        """The results, each given as JSON, are in the stream."""
        with self._redis.pipeline(transaction=False) as pipe:
            for result in results:
                pipe.xadd(RESULTS, {"json": result})
            pipe.execute()

    @_translated
    def waiting_results(self) -> int:
        """How many results are not recorded yet."""
        return int(self._redis.xlen(RESULTS))

    @_translated
    def read_results(self, consumer: str, count: int) -> list[tuple[str, str]]:
        """Up to `count` results as JSON: those that a dead worker left, then new ones. Each stays until `settle`.

        Anybody may have written anything there: what is read is text, to be checked.
        """
        try:
            left: Any = self._redis.xautoclaim(RESULTS, GROUP, consumer, min_idle_time=CLAIM_IDLE_MS, count=count)
            room = count - len(left[1])
            entries = left[1] + (self._read_new(consumer, room) if room else [])
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            self._make_group()
            entries = self._read_new(consumer, count)
        return [(entry, fields.get("json", "")) for entry, fields in entries if fields]

    def _read_new(self, consumer: str, count: int) -> list[tuple[str, dict[str, str]]]:
        streams: Any = self._redis.xreadgroup(GROUP, consumer, {RESULTS: ">"}, count=count)
        return list(streams[0][1]) if streams else []

    def _make_group(self) -> None:
        try:
            self._redis.xgroup_create(RESULTS, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    @_translated
    def settle(self, entries: list[str]) -> None:
        """Those results are recorded and gone."""
        if entries:
            with self._redis.pipeline() as pipe:
                pipe.xack(RESULTS, GROUP, *entries)
                pipe.xdel(RESULTS, *entries)
                pipe.execute()

    @_translated
    def bury(self, entry: str, text: str, why: str) -> None:
        """That result is out of the way of the others, kept with the reason why it could not be recorded."""
        with self._redis.pipeline() as pipe:
            pipe.xadd(DEAD, {"entry": entry, "json": text, "why": why}, maxlen=DEAD_KEPT, approximate=True)
            pipe.xack(RESULTS, GROUP, entry)
            pipe.xdel(RESULTS, entry)
            pipe.execute()

    @_translated
    def buried(self) -> int:
        """How many results could not be recorded."""
        return int(self._redis.xlen(DEAD))

    @_translated
    def note_hold(self, campaign_id: int, rule: str, until: str) -> None:
        """For the next seconds it can be read what a campaign waits for. until: ISO 8601, "" when people must act."""
        self._redis.set(f"ivr:hold:{campaign_id}", f"{rule} {until}", ex=HOLD_TTL_S)

    @_translated
    def hold(self, campaign_id: int) -> tuple[str, str] | None:
        """(rule, until) of what the campaign waits for, None if it waits for nothing."""
        text: Any = self._redis.get(f"ivr:hold:{campaign_id}")
        rule, _, until = str(text or "").partition(" ")
        return (rule, until) if rule else None

    @_translated
    def publish_live(self, pbx: str, figures: Mapping[str, Any], ttl_s: int = 5) -> None:
        """The live figures of `pbx` can be read for the next few seconds."""
        self._redis.set(f"ivr:live:{pbx}", json.dumps(figures), ex=ttl_s)

    @_translated
    def live(self, pbx: str) -> dict[str, Any] | None:
        """The live figures of `pbx`, or None when its controller is silent."""
        text: Any = self._redis.get(f"ivr:live:{pbx}")
        try:
            figures = json.loads(text) if text else None
        except ValueError:
            return None
        return figures if isinstance(figures, dict) else None

    @_translated
    def workers(self) -> dict[str, int]:
        """How many RQ workers are alive on each queue."""
        counts = {ORIGINATE: 0, RECORD: 0}
        for worker in SimpleWorker.all(connection=self._raw):
            for name in worker.queue_names():
                counts[name] = counts.get(name, 0) + 1
        return counts

    def work(self, queue: str, name: str, struck: Struck | None = None) -> None:
        """Runs jobs of one queue until told to stop (SIGTERM), or 5,000 jobs are done: the supervisor starts it anew.

        One queue per worker: with two, a worker killed between taking a job and running it loses that job (rq#1716).
        struck: given, each job has a process of its own with limits, and `struck` is told of one that was killed.
        """
        kind = ForkingWorker if struck else PlainWorker
        worker = kind(
            [Queue(queue, connection=self._raw, serializer=JSONSerializer)],
            name=name,
            connection=self._raw,
            serializer=JSONSerializer,
            worker_ttl=WORKER_TTL_S,
            maintenance_interval=30,
            log_job_description=False,
        )
        if isinstance(worker, ForkingWorker):
            worker.struck = struck
        worker.work(max_jobs=5000, logging_level="WARNING")

    def close(self) -> None:
        """No connection is left open."""
        self._redis.close()
        self._raw.close()


def _asked(campaign_id: int, way: Way) -> str:
    return f"ivr:asked:{way.pbx}:{way.trunk}:{campaign_id}"
