"""B7: two thousand listeners of the stream on one gateway process: from an event's way into Kafka to the last who hears it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx
from confluent_kafka import Producer

from deploy.local.kafka import KafkaLogin
from deploy.local.stack import Stack
from libs.events.cases_work import NoteAdded
from libs.store.ids import new_id
from tests.bench.bench import Bar, Bench, Measure, Variant
from tests.bench.engines import Engines
from tests.bench.listeners import Choir, Listeners
from tests.support.ports import free_ports

RATE = 5.0
TENANTS, EARS_OF_A_TENANT, EARS_OF_STAFF, EARS_OF_A_CLIENT = 20, 50, 1000, 20
EARS_OF_AN_EVENT = EARS_OF_STAFF + EARS_OF_A_TENANT
OURS = "event → last listener"
_TYPE = NoteAdded.contract.ce_type
_QUERY = "?type=polyplus.cases.&type=polyplus.rma."
_PATIENCE = 30


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _by_client(ears: int) -> list[int]:
    """As many of each client as the door lets it have."""
    return [min(EARS_OF_A_CLIENT, ears - first) for first in range(0, ears, EARS_OF_A_CLIENT)]


async def _ears(url: str, env: Mapping[str, str]) -> tuple[Choir, list[UUID]]:
    """Clients of so many tenants and of the operators, with tokens; and the tenants."""
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as http:

        async def token(id: str, secret: str) -> str:
            answer = await http.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=(id, secret))
            return str(answer.raise_for_status().json()["access_token"])

        async def made(plural: str, **body: object) -> dict[str, str]:
            sent = {"authorization": f"Bearer {admin}", "idempotency-key": str(uuid4())}
            found: dict[str, str] = (
                (await http.post(f"/v1/{plural}", json=body, headers=sent)).raise_for_status().json()
            )
            return found

        async def client(**fields: object) -> str:
            login = await made("clients", name="listener", requests_per_second=1_000_000, **fields)
            return await token(login["id"], login["secret"])

        admin = await token(env["POLYPLUS_CLIENT_ADMIN_ID"], env["POLYPLUS_CLIENT_ADMIN_SECRET"])
        place = {"country": "VN", "time_zone": "Asia/Ho_Chi_Minh"}
        tenants = [UUID((await made("accounts", name=f"tenant {n}", **place))["id"]) for n in range(TENANTS)]
        ears = [(n, await client(role="ops"), _QUERY) for n in _by_client(EARS_OF_STAFF)]
        for each in tenants:
            of_tenant = {"role": "customer", "accounts": [str(each)]}
            ears += [(n, await client(**of_tenant), _QUERY) for n in _by_client(EARS_OF_A_TENANT)]
    return Choir(f"{url}/v1/events/stream", ears), tenants


class Source:
    """Puts events on Kafka as the relay of cases would."""

    def __init__(self, login: KafkaLogin) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": login.bootstrap, "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": login.user, "sasl.password": login.password, "linger.ms": 0, "log_level": 2,
            }
        )  # fmt: skip

    def put(self, tenant: UUID) -> str:
        """A public note of a case of this tenant; its event id."""
        case_id, event_id = new_id(), str(new_id())
        headers = {
            "ce_specversion": "1.0", "ce_id": event_id, "ce_source": "/polyplus/cases", "ce_type": _TYPE,
            "ce_subject": str(case_id), "ce_time": datetime.now(UTC).isoformat(), "ce_accountid": str(tenant),
            "ce_aggregateversion": "1", "ce_actor": "engineer:somebody", "content-type": "application/json",
        }  # fmt: skip
        data = {"case_id": str(case_id), "account_id": str(tenant), "text": "x" * 250}
        self._producer.produce(
            "cases.events",
            json.dumps(data).encode(),
            str(case_id).encode(),
            headers=[(name, value.encode()) for name, value in headers.items()],
        )
        self._producer.poll(0)
        return event_id

    def flush(self) -> None:
        self._producer.flush(_PATIENCE)


@asynccontextmanager
async def stream(engines: Engines) -> AsyncIterator[Measure]:
    services = ("gateway", "activity", "entitlements")
    async with Stack(
        engines.home / "b7", services=services, simulators=(), environ=free_ports(), say=lambda _: None
    ) as stack:
        env = stack.env
        choir, tenants = await _ears(env["POLYPLUS_GATEWAY_URL"], env)
        source = Source(
            KafkaLogin(env["POLYPLUS_KAFKA_BOOTSTRAP"], env["POLYPLUS_CASES_KAFKA_USER"], env["POLYPLUS_CASES_KAFKA_PASSWORD"])
        )  # fmt: skip

        async def measure(seconds: float) -> float:
            """Milliseconds, p99. Raises when an event was not heard by all whom it is for."""
            listeners = await Listeners.of(choir)
            sent: dict[str, float] = {}
            began = time.monotonic()
            for n in range(int(seconds * RATE)):
                await asyncio.sleep(max(0.0, began + n / RATE - time.monotonic()))
                at = time.time()
                sent[source.put(tenants[n % TENANTS])] = at
            source.flush()
            await asyncio.sleep(2)  # whoever has not heard by then was too late by far
            heard = await listeners.heard()
            if missed := [id for id in sent if heard.get(id, (0, 0.0))[0] != EARS_OF_AN_EVENT]:
                raise RuntimeError(f"{len(missed)} events were not heard by {EARS_OF_AN_EVENT} listeners within 2 s")
            return percentile([heard[id][1] - at for id, at in sent.items()], 0.99) * 1000

        engines.notes["listeners"] = (
            f"{EARS_OF_STAFF:,} of staff and {EARS_OF_A_TENANT} of each of {TENANTS} tenants, all with a filter by type; "
            f"each event is for {EARS_OF_AN_EVENT:,} of them"
        )
        yield measure


BENCH = Bench(
    "B7",
    "the live stream: 2,000 filtered listeners on one gateway process, 5 events a second, p99",
    "ms",
    [Variant(OURS, "ours", stream)],
    [Bar(OURS, None, 250, 75, "event put on Kafka → last listener", less_is_better=True)],
)
