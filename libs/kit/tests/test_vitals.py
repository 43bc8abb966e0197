import asyncio
from uuid import uuid4

from prometheus_client import REGISTRY

from libs.kit.telemetry import exposition
from libs.kit.tests.conftest import Api
from libs.kit.vitals import watch_vitals


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"polyplus_{name}", labels)


def served(method: str, route: str, status: int) -> float:
    return value("http_request_duration_seconds_count", method=method, route=route, status=str(status)) or 0


async def test_a_request_is_timed_under_its_routes_path_and_its_status(api: Api) -> None:
    ways = [
        ("POST", "/v1/parcels", 201),
        ("GET", "/v1/parcels/{parcel_id}", 404),
        ("GET", "/v1/parcels/{parcel_id}", 401),
        ("GET", "/v1/parcels/{parcel_id}", 422),
        ("POST", "/v1/parcels", 500),
    ]
    before = [served(*way) for way in ways]
    await api.make(f"timed {uuid4()}")
    await api.http.get(f"/v1/parcels/{uuid4()}", headers=api.headers())
    await api.http.get(f"/v1/parcels/{uuid4()}")
    await api.http.get("/v1/parcels/not-an-id", headers=api.headers())
    await api.make(f"timed {uuid4()}", weight=-1)
    assert [served(*way) - count for way, count in zip(ways, before, strict=True)] == [1, 1, 1, 1, 1]


async def test_a_caller_cannot_make_up_labels(api: Api) -> None:
    for made_up in (uuid4().hex, uuid4().hex):
        await api.http.get(f"/v1/{made_up}")
        await api.http.request(made_up.upper()[:8], "/v1/parcels")
        assert made_up not in exposition()
        assert made_up.upper()[:8] not in exposition()


async def test_a_process_says_which_check_fails_how_full_its_pool_is_and_how_free_its_loop(api: Api) -> None:
    stop, looked = asyncio.Event(), asyncio.Event()

    async def broken() -> str:
        looked.set()
        return "Kafka does not answer"

    async def fine() -> None:
        return None

    watching = asyncio.create_task(watch_vitals(api.database, {"database": fine, "relay": broken}, stop))
    async with asyncio.timeout(20):
        await looked.wait()
    stop.set()
    await watching
    assert (value("check_up", check="database"), value("check_up", check="relay")) == (1, 0)
    assert value("db_pool_connections_limit") == 5
    assert (value("event_loop_lag_seconds_count") or 0) > 0
    assert (value("disk_free_bytes") or 0) > 0
