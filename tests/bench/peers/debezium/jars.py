"""Kafka Connect and Debezium's PostgreSQL connector: the files of debezium.lock.toml and no others, each checked by its SHA-256.

`python -m tests.bench.peers.debezium.jars` resolves Connect anew and writes the lock.
"""

import tarfile
from pathlib import Path

from jgo.env._lockfile import LockedDependency

from deploy.local import jars

CONNECT = "org.apache.kafka:connect-runtime:4.3.0"
PLUGIN = LockedDependency("io.debezium", "debezium-connector-postgres", "3.6.3.Final", "tar.gz", "plugin")
LOCK = Path(__file__).with_name("debezium.lock.toml")


def fetched(plugins: Path) -> list[Path]:
    """Connect's class path; the connector is unpacked below `plugins`."""
    found = jars.class_path(LOCK, "Kafka Connect and Debezium")
    archive = next(path for path in found if path.name.endswith(".tar.gz"))
    with tarfile.open(archive) as packed:
        packed.extractall(plugins, filter="data")
    return [path for path in found if path.suffix == ".jar"]


if __name__ == "__main__":
    jars.lock(f"{CONNECT}+{jars.LOGGING}", LOCK, "debezium", also=[PLUGIN])
