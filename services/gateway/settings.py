"""What the gateway is told beyond what every service is."""

from dataclasses import dataclass, field
from uuid import UUID

from libs.kit.edge import Limits
from libs.kit.proxies import Networks, networks
from libs.kit.settings import setting
from services.gateway.identity.keys import SigningKey
from services.gateway.routes import SERVICES


@dataclass(frozen=True)
class DoorSettings:
    """Limits are the defaults of one process."""

    url: str  # the public origin, and where it listens
    key: SigningKey
    services: dict[str, str] = field(hash=False)
    bootstrap_admin: tuple[UUID, str] | None = None
    requests_per_second: int = 200
    requests_in_flight: int = 64  # of one client, or on public routes of one address
    max_listeners: int = 5000
    max_listeners_per_client: int = 20
    max_body_bytes: int = 32 * 2**20
    upstream_seconds: float = 30.0
    upstream_connections: int = 512  # to each service
    connect_seconds: float = 2.0  # until there is one of them, free or new
    patience_seconds: float = 5.0  # with a service that takes requests and answers none
    heartbeat_seconds: float = 15.0
    ring: int = 4096  # newest events kept for those who resume
    ops_url: str = "http://127.0.0.1:8090"  # where metrics and health are, outside the limits of the door
    trusted_proxies: Networks = ()
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def read(cls) -> "DoorSettings":
        admin = setting("BOOTSTRAP_ADMIN_ID", "")
        return cls(
            url=setting("GATEWAY_URL").rstrip("/"),
            key=SigningKey.read(setting("INTERNAL_PRIVATE_KEY")),
            services={service: setting(f"{service.upper()}_URL").rstrip("/") for service in SERVICES},
            bootstrap_admin=(UUID(admin), setting("BOOTSTRAP_ADMIN_SECRET")) if admin else None,
            requests_per_second=int(setting("GATEWAY_REQUESTS_PER_SECOND", "200")),
            requests_in_flight=int(setting("GATEWAY_REQUESTS_IN_FLIGHT", "64")),
            max_listeners=int(setting("GATEWAY_MAX_LISTENERS", "5000")),
            max_listeners_per_client=int(setting("GATEWAY_MAX_LISTENERS_PER_CLIENT", "20")),
            upstream_connections=int(setting("GATEWAY_UPSTREAM_CONNECTIONS", "512")),
            ops_url=setting("GATEWAY_OPS_URL", "http://127.0.0.1:8090"),
            trusted_proxies=networks("GATEWAY_TRUSTED_PROXIES", setting("GATEWAY_TRUSTED_PROXIES", "")),
        )
