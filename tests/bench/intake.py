"""Posting cases: the service and its rivals as processes, filled tables, and the requests."""

import base64
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from random import Random
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from deploy.local.databases import ServiceDatabase
from deploy.local.ports import HOST, free_port
from deploy.local.waiting import until_async
from libs.kit.auth import Principal, mint
from services.cases.model.case import Case
from services.cases.queries.access import COMMANDS
from services.gateway.routes import SERVICES
from tests.bench.engines import Engines
from tests.bench.load import Job
from tests.bench.peers.environment import peer_python
from tests.support import serving as in_process

PATH = "/v1/cases"
ACCOUNT = UUID("11111111-1111-4111-8111-111111111111")
CUSTOMER = Principal(UUID("22222222-2222-4222-8222-222222222222"), "Bình Minh Bank", "customer", frozenset({ACCOUNT}))
CONNECTIONS = 16
ROWS = 10_000
"""1×: so many cases, outbox rows and stored answers are there before the first request."""

_TOKEN_SECONDS = 6 * 3600
_BODIES = 4_000
_PROBLEMS = 200
_SERVED_SECONDS = 60
_VOCABULARY = [f"symptom{n}" for n in range(5_000)]
_FILL = """
SELECT set_config('polyplus.scope', 'worker', false);
SELECT outbox_add_partitions();
INSERT INTO cases (id, version, revision, account_id, number, state, channel, description, observed_impact, customer_severity,
                   severity, priority, product_number, serial, coverage, language, reporter_name, opened_by, opened_at,
                   external_identifiers, duplicate_of, queue_history, waits, workarounds, partner_requests, confirmations, epoch,
                   epoch_began_at, worked_epoch, history)
SELECT uuidv7(), 2, 0, '{account}', 'CASE-2025-' || n, 'acknowledged', 'api', repeat('x', 80), 'down', 'major', 'major', 'P2',
       '83Z52AA', 'SN-' || n, '{{}}', 'vi', 'somebody', 'customer:somebody', now() - interval '30 days', '[]', '[]', '[]', '[]',
       '[]', '[]', '[]', 1, now(), 0, '[]'
  FROM generate_series(1, {rows}) AS n;
INSERT INTO outbox (topic, key, event_id, type, subject, account_id, version, actor, time, data)
SELECT 'cases.events', id, uuidv7(), 'polyplus.cases.case-opened.v1', id, account_id, 1, opened_by, opened_at,
       convert_to(repeat('x', 400), 'UTF8') FROM cases;
INSERT INTO idempotency_keys (principal, route, key, request_hash, status, headers, body)
SELECT 'somebody', 'POST /v1/cases', n::text, '\\x00', 201, '{{}}', convert_to(repeat('x', 1500), 'UTF8')
  FROM generate_series(1, {rows}) AS n;
INSERT INTO timers (aggregate, aggregate_id, kind, due_at)
SELECT 'Case', id, 'auto_close', now() + interval '1 year' FROM cases;
"""
_PROBLEM = """
INSERT INTO problems (id, version, revision, number, status, product_numbers, symptom, keywords, words, response, history,
                      created_by, created_at)
VALUES (uuidv7(), 1, 1, $1, 'known_error', '[]', $2, '[]', to_jsonb($3::text[]), 'workaround', '[]', 'engineer:somebody', now())
"""


class Keys:
    """The gateway's signing key, as processes get it."""

    def __init__(self) -> None:
        self.private = Ed25519PrivateKey.generate()
        public = self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        pem = self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.public_text, self.private_text = base64.b64encode(public).decode(), base64.b64encode(pem).decode()

    def token(self) -> str:
        """The customer's internal token, good for the whole run."""
        return mint(CUSTOMER, self.private, lifetime=_TOKEN_SECONDS)


KEYS = Keys()


async def filled_database(engines: Engines, name: str, rows: int = ROWS) -> ServiceDatabase:
    """A database of cases with so many rows in the tables that grow, and a catalogue of known errors."""
    made = await engines.service_database("cases", name)
    owner = await asyncpg.connect(made.owner_url)
    draw = Random(1)
    try:
        await owner.execute(_FILL.format(account=ACCOUNT, rows=rows))
        for n in range(_PROBLEMS):
            words = sorted(draw.sample(_VOCABULARY, 8))
            await owner.execute(_PROBLEM, f"PRB-{n}", " ".join(words), words)
    finally:
        await owner.close()
    await engines.analyze(made.owner_url)
    return made


def bodies(count: int = _BODIES) -> list[str]:
    """Requests as JSON. Every tenth is about a product that has an open case already; the others' serials are new each time."""
    draw, run = Random(2), uuid4().hex[:12]
    return [
        f'{{"description":"{" ".join(draw.sample(_VOCABULARY, 12))}","observed_impact":"down","severity":"major",'
        f'"product_number":"83Z52AA","serial":"{f"SN-{draw.randrange(ROWS) + 1}" if n % 10 == 0 else f"{run}-{n}".upper()}",'
        f'"language":"vi","external_identifiers":[{{"owner":"helpdesk","id":"INC-{n}"}}]}}'
        for n in range(count)
    ]


def posting(url: str, token: str, seconds: float, *, connections: int = CONNECTIONS, rate: float | None = None) -> Job:
    """POSTs of cases to whoever serves them at `url`."""
    headers = {"authorization": f"Bearer {token}"}
    return Job(url + PATH, seconds, connections=connections, rate=rate, headers=headers, bodies=bodies())


# --- who serves ----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def serving(engines: Engines, name: str, argv: list[str], env: Mapping[str, str], url: str) -> AsyncIterator[str]:
    """The process, until the block ends; `url` once it answers there."""
    child = engines.start(name, argv, env)

    async def answers() -> bool:
        if child.exit_code() is not None:
            raise RuntimeError(f"{name} ended at once: {child.last_words()}")
        try:
            return (await http.get(f"{url}/openapi.json")).status_code == 200
        except httpx.TransportError:
            return False

    try:
        async with httpx.AsyncClient() as http:
            await until_async(answers, seconds=_SERVED_SECONDS, otherwise=f"{name} does not answer at {url}")
        yield url
    finally:
        engines.stop(child)


def own_url() -> str:
    return f"http://{HOST}:{free_port()}"


def service_env(service: str, database: str, url: str) -> dict[str, str]:
    """What `polyplus serve` reads. The API itself has no business with Kafka."""
    prefix = f"POLYPLUS_{service.upper()}"
    return {
        f"{prefix}_DATABASE_URL": database, f"{prefix}_URL": url, f"{prefix}_KAFKA_USER": service,
        f"{prefix}_KAFKA_PASSWORD": "-", "POLYPLUS_KAFKA_BOOTSTRAP": "-", "POLYPLUS_INTERNAL_PUBLIC_KEY": KEYS.public_text,
    }  # fmt: skip


@asynccontextmanager
async def cases_api(engines: Engines, name: str, database: str) -> AsyncIterator[str]:
    """The service's API as a deployment runs it; its URL."""
    url = own_url()
    argv = [sys.executable, "-m", "deploy.cli", "serve", "cases", "--role", "api"]
    async with serving(engines, name, argv, service_env("cases", database, url), url):
        yield url


@asynccontextmanager
async def cases_without_database(engines: Engines) -> AsyncIterator[str]:
    """The same application over nothing."""
    url = own_url()
    argv = [sys.executable, "-m", "tests.bench.no_database", url]
    async with serving(engines, "b1-no-database", argv, {"POLYPLUS_INTERNAL_PUBLIC_KEY": KEYS.public_text}, url):
        yield url


@asynccontextmanager
async def orm_peer(
    engines: Engines, name: str, database: str, *, publishes: bool = False, python: str | None = None
) -> AsyncIterator[str]:
    """The peer of peers/orm_rest; its URL. Without publishing any `python` that has SQLAlchemy will do."""
    port = free_port()
    argv = [
        python or str(peer_python()), "-m", "uvicorn", "tests.bench.peers.orm_rest.app:app", "--host", HOST, "--port", str(port),
        "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--no-server-header", "--no-proxy-headers",
    ]  # fmt: skip
    env = {
        "PEER_DATABASE_URL": database.replace("postgresql://", "postgresql+asyncpg://"),
        "PEER_PUBLIC_KEY": KEYS.public_text,
        "PEER_POSSIBLE": ",".join(COMMANDS.possible("customer", _a_new_case())),
    }
    if publishes:
        login = engines.kafka()
        await engines.topic("bench.b1")
        env |= {
            "PEER_KAFKA_BOOTSTRAP": login.bootstrap,
            "PEER_KAFKA_USER": login.user,
            "PEER_KAFKA_PASSWORD": login.password,
        }
    url = f"http://{HOST}:{port}"
    async with serving(engines, name, argv, env, url):
        yield url


@asynccontextmanager
async def gateway(engines: Engines, cases_url: str) -> AsyncIterator[tuple[str, str]]:
    """The gateway before the service: its URL, and an access token of the customer's, whose account somebody knows."""
    made = await engines.service_database("gateway", "b1_gateway")
    url, admin, secret = own_url(), str(uuid4()), uuid4().hex
    nobody = own_url()
    argv = [sys.executable, "-m", "deploy.cli", "serve", "gateway", "--role", "api"]
    async with in_process.serving(_knows_every_account) as entitlements:
        env = {
            **service_env("gateway", made.runtime_url, url),
            **{f"POLYPLUS_{service.upper()}_URL": nobody for service in SERVICES},
            "POLYPLUS_ENTITLEMENTS_URL": entitlements.url,
            "POLYPLUS_CASES_URL": cases_url,
            "POLYPLUS_INTERNAL_PRIVATE_KEY": KEYS.private_text,
            "POLYPLUS_GATEWAY_REQUESTS_PER_SECOND": "1000000",
            "POLYPLUS_BOOTSTRAP_ADMIN_ID": admin,
            "POLYPLUS_BOOTSTRAP_ADMIN_SECRET": secret,
        }
        async with serving(engines, "b1-gateway", argv, env, url), httpx.AsyncClient(base_url=url) as http:
            created = await http.post(
                "/v1/clients",
                json={"name": CUSTOMER.name, "role": "customer", "accounts": [str(ACCOUNT)]},
                headers={"authorization": f"Bearer {await _access_token(http, admin, secret)}", "idempotency-key": "1"},
            )
            client = created.raise_for_status().json()
            yield url, await _access_token(http, client["id"], client["secret"])


async def _knows_every_account(scope: Any, receive: Any, send: Any) -> None:
    """As much of entitlements as the door asks when it makes a client."""
    del receive
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})


async def _access_token(http: httpx.AsyncClient, client: str, secret: str) -> str:
    answer = await http.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=(client, secret))
    return str(answer.raise_for_status().json()["access_token"])


def _a_new_case() -> Case:
    """As much of one as says what is possible."""
    case = SimpleNamespace(state="acknowledged", number="", merged_into=None, shares=False)
    case.must_be_in = partial(Case.must_be_in, cast("Case", case))
    return cast("Case", case)
