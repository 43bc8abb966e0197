"""When a consumer had each event: what Kafka has acknowledged shortly before."""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from confluent_kafka import Consumer, TopicPartition

from deploy.local.kafka import KafkaLogin

_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Seen:
    """`at` in seconds of the epoch."""

    at: float
    type: str  # polyplus.cases.case-opened
    key: str
    event_id: str
    cause: str | None


class Watch:
    """`with Watch(login, topics) as watch:` everything produced inside the block is seen, in a thread; `watch.seen` holds it."""

    def __init__(self, login: KafkaLogin, topics: Iterable[str]) -> None:
        self.seen: list[Seen] = []
        self._stop = threading.Event()
        self._consumer = Consumer(
            {
                "bootstrap.servers": login.bootstrap,
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": login.user,
                "sasl.password": login.password,
                "group.id": "ops-bench",
                "enable.auto.commit": False,
                "log_level": 2,
            }
        )
        self._topics = list(topics)
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> Self:
        known = self._consumer.list_topics(timeout=_SECONDS).topics
        places = [TopicPartition(topic, n) for topic in self._topics for n in known[topic].partitions]
        for place in places:
            place.offset = self._consumer.get_watermark_offsets(place, timeout=_SECONDS)[1]
        self._consumer.assign(places)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._consumer.close()

    def _read(self) -> None:
        while not self._stop.is_set():
            record = self._consumer.poll(0.2)
            if record is None or record.error():
                continue
            at, key = time.time(), record.key()
            told = {n: v.decode() for n, v in dict(record.headers() or []).items() if isinstance(v, bytes)}
            type_, cause = told["ce_type"].rpartition(".v")[0], told.get("ce_causationid")
            self.seen.append(Seen(at, type_, key.decode() if key else "", told["ce_id"], cause))
