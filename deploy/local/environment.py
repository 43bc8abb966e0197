"""`.polyplus/env`: every address and development credential of this stack, made at the first start and kept."""

from __future__ import annotations

import base64
import secrets
import shlex
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from deploy.local.files import write_whole
from deploy.services import SERVICES
from deploy.topics import OPS, SIMULATORS

ROLES = ("customer", "reseller", "partner", "engineer", "manager", "depot", "technician", "ops", "integrator", "admin")
FILE = "env"

Environment = dict[str, str]


def read(home: Path) -> Environment:
    file = home / FILE
    if not file.exists():
        return {}
    words = shlex.split(file.read_text(encoding="utf-8"), comments=True)
    return dict(word.split("=", 1) for word in words)


def lines(environment: Mapping[str, str]) -> list[str]:
    """As any shell reads them, whatever is in the values."""
    return [f"{name}={shlex.quote(environment[name])}" for name in sorted(environment)]


def write(home: Path, environment: Mapping[str, str]) -> None:
    text = "# Addresses and development credentials of this stack; generated. Keep it to yourself.\n"
    text += "".join(f"{line}\n" for line in lines(environment))
    write_whole(home / FILE, text)


def with_credentials(known: Mapping[str, str]) -> Environment:
    """What is known, and a new credential for whatever has none yet."""
    environment = dict(known)
    environment.setdefault("POLYPLUS_SANDBOX", "1")
    environment.setdefault("POLYPLUS_CALLS_ORGANIZER", "support@polyplus.example")
    for user in (*SERVICES, OPS, SIMULATORS, "admin"):
        environment.setdefault(f"POLYPLUS_{kafka_name(user)}_USER", user)
        environment.setdefault(f"POLYPLUS_{kafka_name(user)}_PASSWORD", secrets.token_hex(16))
    # the first admin's alone: the gateway makes the other roles' clients when the demo data is loaded
    environment.setdefault("POLYPLUS_CLIENT_ADMIN_ID", str(uuid4()))
    environment.setdefault("POLYPLUS_CLIENT_ADMIN_SECRET", secrets.token_urlsafe(32))
    for company in ("CARRIER", "PARTNER"):
        secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        environment.setdefault(f"POLYPLUS_{company}_WEBHOOK_SECRET", secret)
    environment.setdefault("POLYPLUS_ECPS_ENCRYPTION_KEY", Fernet.generate_key().decode())
    if "POLYPLUS_INTERNAL_PRIVATE_KEY" not in environment:
        environment |= _key_pair()
    return environment


def kafka_name(user: str) -> str:
    """Services are named first (POLYPLUS_RMA_KAFKA_USER), people's users after the engine (POLYPLUS_KAFKA_OPS_USER)."""
    return f"KAFKA_{user.upper()}" if user in (OPS, "admin") else f"{user.upper()}_KAFKA"


def kafka_passwords(environment: Mapping[str, str]) -> dict[str, str]:
    return {user: environment[f"POLYPLUS_{kafka_name(user)}_PASSWORD"] for user in (*SERVICES, OPS, SIMULATORS)}


def password_in(url: str | None) -> str | None:
    return urlsplit(url).password if url else None


def _key_pair() -> Environment:
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return {
        "POLYPLUS_INTERNAL_PRIVATE_KEY": base64.b64encode(pem).decode(),
        "POLYPLUS_INTERNAL_PUBLIC_KEY": base64.b64encode(public).decode(),
    }
