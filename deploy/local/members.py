"""The processes of the stack: where each listens, and what each is told. Nobody is told more than it needs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from deploy.services import ENTRIES, SERVICES

SIMULATORS = ("carrier", "partner")

OPS_PORT = "gateway_ops"
"""The gateway's metrics and health, beside the port that the world sees."""

DEFAULT_PORTS = {
    **{name: entry.port for name, entry in ENTRIES.items()},
    OPS_PORT: 8090,
    "carrier": 8191,
    "partner": 8192,
}
POSTGRES_PORT, KAFKA_PORT = 15432, 19092

_EVERY_SERVICE = ("KAFKA_BOOTSTRAP", "INTERNAL_PUBLIC_KEY", "SANDBOX")
_SIMULATOR = ("HOME", "KAFKA_BOOTSTRAP", "SIMULATORS_KAFKA_USER", "SIMULATORS_KAFKA_PASSWORD", "SANDBOX")
_SIMULATOR_ALSO = {
    "carrier": ("CARRIER_URL", "CARRIER_WEBHOOK_SECRET", "RMA_URL"),
    "partner": ("PARTNER_URL", "PARTNER_WEBHOOK_SECRET", "ECPS_URL"),
}
CALLED = {"BOOTSTRAP_ADMIN_ID": "CLIENT_ADMIN_ID", "BOOTSTRAP_ADMIN_SECRET": "CLIENT_ADMIN_SECRET"}
"""What the stack's environment calls by another name."""


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
        module, names = f"deploy.simulators.{name}", (*_SIMULATOR, *_SIMULATOR_ALSO[name])
        return Member(name, (sys.executable, "-m", module), _told(names, environment), url)
    argv = (sys.executable, "-m", "deploy.cli", "serve", name, "--role", "all")
    return Member(name, argv, _told(_for_service(name), environment), url)


def sandbox_peers(environment: Mapping[str, str]) -> str:
    """The simulators' own `host:port` pairs: what a URL that a user sets may lead to on this machine, and nothing else of it."""
    return " ".join(urlsplit(environment[f"POLYPLUS_{name.upper()}_URL"]).netloc for name in SIMULATORS)


def _for_service(name: str) -> tuple[str, ...]:
    own = tuple(f"{name.upper()}_{what}" for what in ("DATABASE_URL", "KAFKA_USER", "KAFKA_PASSWORD", "URL"))
    # the one door calls them all
    others = tuple(f"{service.upper()}_URL" for service in SERVICES) if name == "gateway" else ()
    # a run of faults has one that is no service of the house
    told = ENTRIES[name].told if name in ENTRIES else ()
    return (*own, *_EVERY_SERVICE, *told, *others)


def _told(names: tuple[str, ...], environment: Mapping[str, str]) -> dict[str, str]:
    return {
        f"POLYPLUS_{name}": sandbox_peers(environment)
        if name == "SANDBOX_PEERS"
        else environment[f"POLYPLUS_{CALLED.get(name, name)}"]
        for name in names
    }
