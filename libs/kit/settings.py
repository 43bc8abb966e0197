"""What a process is told by its environment. Every name is `POLYPLUS_…`; `.polyplus/env` lists a laptop's."""

import base64
import os
from dataclasses import dataclass, replace
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from libs.bus.retention import Retention

LEAST_RECORDS = 20_000


class MissingSetting(SystemExit):
    """A process without a setting it needs says which, and ends."""


class UnsafeSetting(SystemExit):
    """A process that is told what would lose something says so, and ends."""


def setting(name: str, default: str | None = None) -> str:
    """`POLYPLUS_<name>`. Ends the process with one clear line when it is absent and has no default."""
    value = os.environ.get(f"POLYPLUS_{name}", default)
    if value is None:
        raise MissingSetting(f"POLYPLUS_{name} is not set; `polyplus env` lists what a process needs.")
    return value


@dataclass(frozen=True)
class Settings:
    """What every service needs."""

    service: str
    database_url: str
    kafka_bootstrap: str
    kafka_user: str
    kafka_password: str
    url: str  # where its API listens
    public_key: Ed25519PublicKey
    sandbox: bool
    retention: Retention

    @classmethod
    def read(cls, service: str, journal: tuple[str, str, str] | None = None) -> "Settings":
        """`journal`: the table that `POLYPLUS_KEEP_<SERVICE>_DAYS` bounds, by which column it grows, and its column of time."""
        prefix = service.upper()
        return cls(
            service=service,
            database_url=setting(f"{prefix}_DATABASE_URL"),
            kafka_bootstrap=setting("KAFKA_BOOTSTRAP"),
            kafka_user=setting(f"{prefix}_KAFKA_USER"),
            kafka_password=setting(f"{prefix}_KAFKA_PASSWORD"),
            url=setting(f"{prefix}_URL"),
            public_key=public_key(setting("INTERNAL_PUBLIC_KEY")),
            sandbox=setting("SANDBOX", "0") == "1",
            retention=replace(retention(), journal=_bounded(journal, prefix)),
        )


def public_key(base64_pem: str) -> Ed25519PublicKey:
    """The gateway's verification key, as the environment carries it (PEM in base64, one line)."""
    key = load_pem_public_key(base64.b64decode(base64_pem))
    assert isinstance(key, Ed25519PublicKey)
    return key


def retention() -> Retention:
    """`POLYPLUS_KEEP_…`: days, and for the inbox a number of records too. Raises UnsafeSetting."""
    default = Retention()
    versions = _days("KEEP_VERSIONS_DAYS", default.versions or timedelta())
    found = Retention(
        inbox=_days("KEEP_INBOX_DAYS", default.inbox),
        inbox_records=int(setting("KEEP_INBOX_RECORDS", str(default.inbox_records))),
        versions=versions,
        dead_letters=_days("KEEP_DEAD_LETTERS_DAYS", default.dead_letters),
        idempotency_keys=_days("KEEP_IDEMPOTENCY_KEYS_DAYS", default.idempotency_keys),
    )
    if found.inbox_records < LEAST_RECORDS:
        raise UnsafeSetting(
            f"POLYPLUS_KEEP_INBOX_RECORDS: relays may have more than that under way; at least {LEAST_RECORDS}."
        )
    if versions < found.inbox:
        raise UnsafeSetting("POLYPLUS_KEEP_VERSIONS_DAYS: they stand behind the inbox, and are kept at least as long.")
    return found


def _bounded(journal: tuple[str, str, str] | None, prefix: str) -> tuple[str, str, str, timedelta] | None:
    """Nothing is bounded unless it is said."""
    name = f"KEEP_{prefix}_DAYS"
    return (*journal, _days(name, timedelta())) if journal and setting(name, "") else None


def _days(name: str, default: timedelta) -> timedelta:
    days = int(setting(name, str(default.days)))
    if days < 1:
        raise UnsafeSetting(f"POLYPLUS_{name}: at least one day.")
    return timedelta(days=days)
