"""The processes of the stack: where each listens, and what each is told. Nobody is told more than it needs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from deploy.topics import SERVICES

SIMULATORS = ("carrier", "partner")

OPS_PORT = "gateway_ops"
"""The gateway's metrics and health, beside the port that the world sees."""

DEFAULT_PORTS = {
    "gateway": 8080,
    "cases": 8101,
    "rma": 8102,
    "escalation": 8103,
    "ecps": 8104,
    "onsite": 8105,
    "entitlements": 8106,
    "activity": 8107,
    OPS_PORT: 8090,
    "carrier": 8191,
    "partner": 8192,
}
POSTGRES_PORT, KAFKA_PORT = 15432, 19092

_EVERY_SERVICE = ("KAFKA_BOOTSTRAP", "INTERNAL_PUBLIC_KEY", "SANDBOX")
_ALSO = {
    "gateway": (
        "INTERNAL_PRIVATE_KEY",
        "GATEWAY_OPS_URL",
        *(f"{service.upper()}_URL" for service in SERVICES),
    ),
    "rma": ("CARRIER_URL", "CARRIER_WEBHOOK_SECRET"),
    "ecps": ("PARTNER_URL", "PARTNER_WEBHOOK_SECRET", "ECPS_ENCRYPTION_KEY"),
}
_SIMULATOR = ("HOME", "KAFKA_BOOTSTRAP", "SIMULATORS_KAFKA_USER", "SIMULATORS_KAFKA_PASSWORD", "SANDBOX")
_SIMULATOR_ALSO = {
    "carrier": ("CARRIER_URL", "CARRIER_WEBHOOK_SECRET", "RMA_URL"),
    "partner": ("PARTNER_URL", "PARTNER_WEBHOOK_SECRET", "ECPS_URL"),
}


@dataclass(frozen=True)
class Member:
    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    url: str

    @property
    def health_url(self) -> str:
        """Where it says that it lives: a flood at the gateway's door must not look like its silence."""
        return self.env.get("POLYPLUS_GATEWAY_OPS_URL", self.url) if self.name == "gateway" else self.url


def member(name: str, environment: Mapping[str, str]) -> Member:
    url = environment[f"POLYPLUS_{name.upper()}_URL"]
    if name in SIMULATORS:
        return Member(name, (sys.executable, "-m", f"deploy.simulators.{name}"), _simulator(name, environment), url)
    return Member(
        name, (sys.executable, "-m", "deploy.cli", "serve", name, "--role", "all"), _service(name, environment), url
    )


def sandbox_peers(environment: Mapping[str, str]) -> str:
    """The simulators' own `host:port` pairs: what a URL that a user sets may lead to on this machine, and nothing else of it."""
    return " ".join(urlsplit(environment[f"POLYPLUS_{name.upper()}_URL"]).netloc for name in SIMULATORS)


def _service(name: str, environment: Mapping[str, str]) -> dict[str, str]:
    own = tuple(f"{name.upper()}_{what}" for what in ("DATABASE_URL", "KAFKA_USER", "KAFKA_PASSWORD", "URL"))
    told = _pick(environment, (*own, *_EVERY_SERVICE, *_ALSO.get(name, ())))
    if name == "ecps":
        told["POLYPLUS_SANDBOX_PEERS"] = sandbox_peers(environment)
    if name == "gateway":
        told["POLYPLUS_BOOTSTRAP_ADMIN_ID"] = environment["POLYPLUS_CLIENT_ADMIN_ID"]
        told["POLYPLUS_BOOTSTRAP_ADMIN_SECRET"] = environment["POLYPLUS_CLIENT_ADMIN_SECRET"]
    return told


def _simulator(name: str, environment: Mapping[str, str]) -> dict[str, str]:
    return _pick(environment, (*_SIMULATOR, *_SIMULATOR_ALSO[name]))


def _pick(environment: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {f"POLYPLUS_{name}": environment[f"POLYPLUS_{name}"] for name in names}
