"""The topics, who may log in, and what each may do. Made by deployment, never by a client; safe to repeat."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialUpsertion,
)

from deploy.local.waiting import until
from deploy.services import ENTRIES, PUBLISHING, SERVICES, STATE_TOPICS

PUBLISHERS = tuple(dict.fromkeys((*PUBLISHING, "devices")))
"""Whose topics there are. cases hears devices, and a topic that is missing would stop a consumer: it is there before its service."""
CLOCK = "platform.clock"
OPS, SIMULATORS = "ops", "simulators"

FORGETTING = {
    "cleanup.policy": "compact",
    "max.compaction.lag.ms": "3600000",  # with the relay's beat: what was erased is off the disk after an hour and a half at most
    "file.delete.delay.ms": "1000",
    "delete.retention.ms": str(2**63 - 1),  # a null record stays, so that whoever comes back late hears of it
}
"""A state topic's settings: it keeps the newest of each key, and nothing of what is gone."""
PARTITIONS = 6  # so many workers of a service can share its work; every fetch names each of them
_SECONDS = 30
_BROKER_DEFAULT = -1
_SCRAM_ROUNDS = 4096


def topics() -> list[NewTopic]:
    kept = {"retention.ms": "-1"}
    facts = [_topic(f"{service}.{kind}", PARTITIONS, kept) for service in PUBLISHERS for kind in ("events", "dlq")]
    states = [_topic(topic, 1, FORGETTING) for topic in STATE_TOPICS]
    return [*facts, *states, _topic(CLOCK, 1, {"cleanup.policy": "compact"})]


def acls() -> list[AclBinding]:
    return [
        *(right for service in SERVICES for right in _rights_of_service(service)),
        *_rights_of_ops(),
        _allow(SIMULATORS, ResourceType.TOPIC, CLOCK, AclOperation.READ),
        _allow(SIMULATORS, ResourceType.GROUP, SIMULATORS, AclOperation.READ, prefix=True),
    ]


def admin_client(bootstrap: str, user: str, password: str) -> AdminClient:
    return AdminClient(
        {
            "bootstrap.servers": bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": user,
            "sasl.password": password,
            "log_level": 2,
            "reconnect.backoff.max.ms": 500,  # a user made just now is refused at first
        }
    )


def prepare(admin: AdminClient, passwords: Mapping[str, str]) -> None:
    """Topics, users with these passwords (by name: services, `ops`, `simulators`) and rights; returns when they are in force."""
    _remove_states_of_other_partitions(admin)
    for created in admin.create_topics(topics(), request_timeout=_SECONDS).values():
        _settle(created, known=KafkaError.TOPIC_ALREADY_EXISTS)
    for altered in admin.incremental_alter_configs(_settings(), request_timeout=_SECONDS).values():
        _settle(altered)
    set_passwords(admin, passwords)
    for allowed in admin.create_acls(acls(), request_timeout=_SECONDS).values():
        _settle(allowed)
    for forbidden in admin.delete_acls(_no_longer(), request_timeout=_SECONDS).values():
        forbidden.result(_SECONDS)
    _await_force(admin, *list(passwords.items())[-1])


def _settings() -> list[ConfigResource]:
    """Those of every topic, for one that was there before they were decided."""
    return [
        ConfigResource(
            ResourceType.TOPIC,
            topic.topic,
            incremental_configs=[
                ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
                for name, value in (topic.config or {}).items()
            ],
        )
        for topic in topics()
    ]


def _remove_states_of_other_partitions(admin: AdminClient) -> None:
    """They are made anew: their owners publish what is on them again (a migration of theirs asks for it)."""
    wanted = {topic.topic: topic.num_partitions for topic in topics()}

    def others() -> list[str]:
        there = admin.list_topics(timeout=_SECONDS).topics
        return [each for each in STATE_TOPICS if each in there and len(there[each].partitions) != wanted[each]]

    if left := others():
        for removed in admin.delete_topics(left, request_timeout=_SECONDS).values():
            _settle(removed)
        until(
            lambda: not others(), seconds=_SECONDS, otherwise=f"Kafka still shows {', '.join(left)}, which was removed"
        )


def _await_force(admin: AdminClient, user: str, password: str) -> None:
    """The controller has taken everything; the broker lets people in once it has made the files of every topic."""
    wanted = {
        right.name
        for right in acls()
        if right.principal == f"User:{user}"
        and right.restype == ResourceType.TOPIC
        and right.operation == AclOperation.READ
    }
    broker = next(iter(admin.list_topics(timeout=_SECONDS).brokers.values()))
    person = admin_client(f"{broker.host}:{broker.port}", user, password)

    def in_force() -> bool:
        try:
            return wanted <= person.list_topics(timeout=1).topics.keys()
        except KafkaException:
            return False

    until(in_force, seconds=_SECONDS, otherwise=f"Kafka does not show {user} its topics after {_SECONDS} s")


def set_passwords(admin: AdminClient, passwords: Mapping[str, str]) -> None:
    scram = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, _SCRAM_ROUNDS)
    wanted: list[UserScramCredentialAlteration] = [
        UserScramCredentialUpsertion(user, scram, password.encode()) for user, password in passwords.items()
    ]
    for changed in admin.alter_user_scram_credentials(wanted, request_timeout=_SECONDS).values():
        _settle(changed)


def _rights_of_service(service: str) -> Iterator[AclBinding]:
    yield _allow(service, ResourceType.TOPIC, CLOCK, AclOperation.READ)
    yield _allow(service, ResourceType.GROUP, service, AclOperation.READ, prefix=True)
    if service not in PUBLISHERS:
        return
    for topic in (*(f"{owner}.events" for owner in PUBLISHERS), *STATE_TOPICS):
        yield _allow(service, ResourceType.TOPIC, topic, AclOperation.READ)
    for topic in (f"{service}.events", f"{service}.dlq"):
        yield _allow(service, ResourceType.TOPIC, topic, AclOperation.WRITE)
    if states := ENTRIES[service].state_topics:
        yield from (_allow(service, ResourceType.TOPIC, topic, AclOperation.WRITE) for topic in states)
        # Written with a transactional id, so that a producer thought dead cannot bring old state back.
        yield _allow(service, ResourceType.TRANSACTIONAL_ID, f"{service}-", AclOperation.WRITE, prefix=True)


def _rights_of_ops() -> Iterable[AclBinding]:
    read = [topic.topic for topic in topics() if topic.topic not in (CLOCK, *STATE_TOPICS)]
    yield from (_allow(OPS, ResourceType.TOPIC, topic, AclOperation.READ) for topic in read)
    yield _allow(OPS, ResourceType.GROUP, OPS, AclOperation.READ, prefix=True)


def _no_longer() -> list[AclBindingFilter]:
    """What a deployment of before allowed: state topics hold names, and are read by services alone."""
    literal, anything = ResourcePatternType.LITERAL, AclOperation.ANY
    about = (f"User:{OPS}", "*", anything, AclPermissionType.ALLOW)
    return [AclBindingFilter(ResourceType.TOPIC, topic, literal, *about) for topic in STATE_TOPICS]


def _topic(name: str, partitions: int, config: dict[str, str]) -> NewTopic:
    return NewTopic(name, num_partitions=partitions, replication_factor=_BROKER_DEFAULT, config=config)


def _allow(user: str, kind: ResourceType, name: str, operation: AclOperation, *, prefix: bool = False) -> AclBinding:
    pattern = ResourcePatternType.PREFIXED if prefix else ResourcePatternType.LITERAL
    return AclBinding(kind, name, pattern, f"User:{user}", "*", operation, AclPermissionType.ALLOW)


def _settle(done: Future[None], *, known: int | None = None) -> None:
    try:
        done.result(_SECONDS)
    except KafkaException as failure:
        if failure.args[0].code() != known:
            raise
