"""The topics, who may log in, and what each may do. Made by deployment, never by a client; safe to repeat."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialUpsertion,
)

SERVICES = ("gateway", "cases", "rma", "escalation", "ecps", "onsite", "entitlements", "activity")
# cases hears devices, and a topic that is missing would stop a consumer: it is there before its service is.
PUBLISHERS = (*(service for service in SERVICES if service != "gateway"), "devices")
CLOCK = "platform.clock"
REGISTRATIONS = "entitlements.registrations"
OPS, SIMULATORS = "ops", "simulators"

PARTITIONS = 12
_SECONDS = 30
_BROKER_DEFAULT = -1
_SCRAM_ROUNDS = 4096


def topics() -> list[NewTopic]:
    kept = {"retention.ms": "-1"}
    compacted = {"cleanup.policy": "compact"}
    facts = [_topic(f"{service}.{kind}", PARTITIONS, kept) for service in PUBLISHERS for kind in ("events", "dlq")]
    return [*facts, _topic(REGISTRATIONS, PARTITIONS, compacted), _topic(CLOCK, 1, compacted)]


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
        }
    )


def prepare(admin: AdminClient, passwords: Mapping[str, str]) -> None:
    """Topics, users with these passwords (by name: services, `ops`, `simulators`) and rights."""
    made = admin.create_topics(topics(), request_timeout=_SECONDS)
    for created in made.values():
        _settle(created, known=KafkaError.TOPIC_ALREADY_EXISTS)
    set_passwords(admin, passwords)
    for allowed in admin.create_acls(acls(), request_timeout=_SECONDS).values():
        _settle(allowed)


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
    for owner in PUBLISHERS:
        yield _allow(service, ResourceType.TOPIC, f"{owner}.events", AclOperation.READ)
    for topic in (f"{service}.events", f"{service}.dlq"):
        yield _allow(service, ResourceType.TOPIC, topic, AclOperation.WRITE)
    if REGISTRATIONS.startswith(f"{service}."):
        yield _allow(service, ResourceType.TOPIC, REGISTRATIONS, AclOperation.WRITE)
        # Written with a transactional id, so that a producer thought dead cannot bring old state back.
        yield _allow(service, ResourceType.TRANSACTIONAL_ID, f"{service}-", AclOperation.WRITE, prefix=True)


def _rights_of_ops() -> Iterable[AclBinding]:
    read = [topic.topic for topic in topics() if topic.topic != CLOCK]
    yield from (_allow(OPS, ResourceType.TOPIC, topic, AclOperation.READ) for topic in read)
    yield _allow(OPS, ResourceType.GROUP, OPS, AclOperation.READ, prefix=True)


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
