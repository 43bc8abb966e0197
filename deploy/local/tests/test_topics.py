from __future__ import annotations

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    ConfigResource,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from deploy.local.kafka import KafkaLogin
from deploy.local.tests.conftest import Broker
from deploy.local.waiting import until
from deploy.services import SERVICES
from deploy.topics import CLOCK, FORGETTING, OPS, PUBLISHERS, SIMULATORS, admin_client, prepare, topics
from libs.bus.clock import KEY, encode

REFUSED = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
}
COMING_UP = {
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
}


def client(login: KafkaLogin, **more: object) -> dict[str, object]:
    return {
        "bootstrap.servers": login.bootstrap,
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": login.user,
        "sasl.password": login.password,
        "log_level": 0,
        **more,
    }


def write(login: KafkaLogin, topic: str, *, idempotent: bool = False, seconds: int = 10) -> KafkaError | None:
    """None when the broker took it, else why not."""
    outcome: list[KafkaError | None] = []

    def delivered(error: KafkaError | None, _message: Message) -> None:
        outcome.append(error)

    producer = Producer(client(login, **{"enable.idempotence": idempotent, "message.timeout.ms": seconds * 1000}))
    # With a key: a compacted topic takes no record without; to the partition that `read` reads. Others of this test run may
    # follow the clock, so its record is one that leaves it where it is.
    key, value = (KEY, encode(timedelta(0))) if topic == CLOCK else (b"key", b"fact")
    producer.produce(topic, key=key, value=value, partition=0, on_delivery=delivered)
    producer.flush(seconds + 5)
    return outcome[0]


def read(login: KafkaLogin, topic: str, group: str) -> KafkaError | bytes:
    """The first record of partition 0, or why not; the group's offset is asked for, as a real reader does."""
    consumer = Consumer(client(login, **{"group.id": group, "auto.offset.reset": "earliest"}))
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        message = consumer.poll(15)
        assert message is not None
        return message.error() or refusal(login, group) or message.value() or b""
    finally:
        consumer.close()


def refusal(login: KafkaLogin, group: str) -> KafkaError | None:
    """Why this group's offsets are not told. Not asked of a consumer, which waits where it is refused."""
    admin, outcome = admin_client(*login), list[KafkaError | None]()

    def told() -> bool:
        asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)], request_timeout=10)
        try:
            asked[group].result(15)
        except KafkaException as failure:
            if failure.args[0].code() in COMING_UP:
                return False
            outcome.append(failure.args[0])
        else:
            outcome.append(None)
        return True

    until(told, seconds=60, otherwise=f"{group} has no coordinator")
    return outcome[0]


def put(broker: Broker, topic: str) -> None:
    assert write(broker.admin, topic) is None


def test_every_topic_has_its_partitions_and_keeps_its_facts(broker: Broker) -> None:
    admin = admin_client(*broker.admin)
    found = admin.list_topics(timeout=15).topics

    assert {name: len(found[name].partitions) for name in (topic.topic for topic in topics())} == {
        **{f"{service}.{kind}": 6 for service in PUBLISHERS for kind in ("events", "dlq")},
        **dict.fromkeys(
            (
                "ecps.people",
                "entitlements.calendars",
                "entitlements.people",
                "entitlements.registrations",
                "gateway.people",
            ),
            1,
        ),
        CLOCK: 1,
    }
    facts, state = (ConfigResource(ResourceType.TOPIC, name) for name in ("rma.events", "entitlements.registrations"))
    told = {resource.name: done.result(15) for resource, done in admin.describe_configs([facts, state]).items()}
    assert told["rma.events"]["retention.ms"].value == "-1"
    state_settings = {name: told["entitlements.registrations"][name].value for name in FORGETTING}
    assert state_settings == FORGETTING


def test_a_state_topic_of_before_is_made_anew_and_one_with_other_settings_gets_its_own(broker: Broker) -> None:
    admin, name = admin_client(*broker.admin), "entitlements.registrations"

    def partitions() -> int:
        return len(admin.list_topics(timeout=15).topics[name].partitions)

    for was in (6, 1):
        admin.delete_topics([name])[name].result(15)
        until(lambda: name not in admin.list_topics(timeout=15).topics, seconds=30, otherwise="it is still there")
        before = NewTopic(name, num_partitions=was, replication_factor=1, config={"cleanup.policy": "compact"})
        admin.create_topics([before])[name].result(15)
        until(lambda: name in admin.list_topics(timeout=15).topics, seconds=30, otherwise="it is not there")

        prepare(admin, broker.passwords)

        until(lambda: partitions() == 1, seconds=30, otherwise="it has its one partition")
        [settings] = admin.describe_configs([ConfigResource(ResourceType.TOPIC, name)]).values()
        assert {each: settings.result(15)[each].value for each in FORGETTING} == FORGETTING


def test_preparing_again_changes_nothing(broker: Broker) -> None:
    prepare(admin_client(*broker.admin), broker.passwords)

    assert write(broker.login("rma"), "rma.events") is None


@pytest.mark.parametrize("topic", ["rma.events", "rma.dlq"])
def test_a_service_writes_its_own_topics(broker: Broker, topic: str) -> None:
    assert write(broker.login("rma"), topic, idempotent=True) is None


@pytest.mark.parametrize("topic", ["cases.events", "cases.dlq", "entitlements.registrations", CLOCK])
def test_a_service_writes_no_other_topic(broker: Broker, topic: str) -> None:
    error = write(broker.login("rma"), topic)

    assert error is not None
    assert error.code() in REFUSED


def test_a_service_reads_the_others_events_in_groups_of_its_name_only(broker: Broker) -> None:
    put(broker, "cases.events")

    assert read(broker.login("rma"), "cases.events", "rma") == b"fact"
    refused = refusal(broker.login("rma"), "cases")
    assert refused is not None
    assert refused.code() == KafkaError.GROUP_AUTHORIZATION_FAILED


def test_entitlements_alone_writes_registrations_in_transactions(broker: Broker) -> None:
    producer = Producer(client(broker.login("entitlements"), **{"transactional.id": "entitlements-relay"}))
    producer.init_transactions(15)
    producer.begin_transaction()
    producer.produce("entitlements.registrations", key=b"k", value=b"state")
    producer.commit_transaction(15)

    thief = Producer(client(broker.login("rma"), **{"transactional.id": "entitlements-relay"}))
    with pytest.raises(KafkaException) as refused:
        thief.init_transactions(15)
    assert refused.value.args[0].code() == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED


@pytest.mark.parametrize("topic", [*(f"{service}.events" for service in PUBLISHERS), "rma.dlq"])
def test_ops_reads_every_services_facts(broker: Broker, topic: str) -> None:
    put(broker, topic)

    assert isinstance(read(broker.login(OPS), topic, f"ops-{uuid4()}"), bytes)


def test_a_state_topic_is_read_by_services_alone(broker: Broker) -> None:
    name, admin = "entitlements.registrations", admin_client(*broker.admin)
    about = (ResourcePatternType.LITERAL, f"User:{OPS}", "*", AclOperation.READ, AclPermissionType.ALLOW)
    before = AclBinding(ResourceType.TOPIC, name, *about)
    admin.create_acls([before])[before].result(15)  # as a deployment of before did
    prepare(admin, broker.passwords)
    put(broker, name)

    assert isinstance(read(broker.login("rma"), name, "rma"), bytes)
    ops = admin_client(*broker.login(OPS))
    until(lambda: name not in ops.list_topics(timeout=15).topics, seconds=30, otherwise="ops is shown the states")


@pytest.mark.parametrize(
    "topic", [*(f"{service}.events" for service in PUBLISHERS), "rma.dlq", "entitlements.registrations", CLOCK]
)
def test_ops_writes_nowhere(broker: Broker, topic: str) -> None:
    error = write(broker.login(OPS), topic)

    assert error is not None
    assert error.code() in REFUSED


@pytest.mark.parametrize("user", [*SERVICES, SIMULATORS])
def test_the_clock_is_heard_by_all_who_keep_time_and_set_by_none_of_them(broker: Broker, user: str) -> None:
    put(broker, CLOCK)

    heard = read(broker.login(user), CLOCK, f"{user}-clock")
    assert isinstance(heard, bytes)
    assert "offset_seconds" in json.loads(heard)
    error = write(broker.login(user), CLOCK)
    assert error is not None
    assert error.code() in REFUSED


def test_a_wrong_password_is_refused(broker: Broker) -> None:
    told: list[KafkaError] = []
    intruder = Producer(client(KafkaLogin(broker.admin.bootstrap, "rma", "guess"), error_cb=told.append))

    def refused() -> bool:
        intruder.poll(0)
        return any(error.code() == KafkaError._AUTHENTICATION for error in told)

    until(refused, seconds=30, otherwise="the broker did not refuse it")


def test_no_topic_comes_into_being_by_writing_to_it(broker: Broker) -> None:
    assert write(broker.admin, "new.events", seconds=1) is not None
    assert "new.events" not in admin_client(*broker.admin).list_topics(timeout=15).topics
