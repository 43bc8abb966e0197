import asyncio
from uuid import UUID

import httpx

from libs.bus import Handlers, Jobs, Timers
from libs.kit.auth import Principal, Verifier
from libs.kit.policies import Policies
from libs.kit.policy_routes import policy_router
from libs.kit.service import Service
from libs.kit.tests.conftest import KEY, Api, Parcel, ParcelPolicy
from libs.store import Transaction
from libs.store.ids import new_id

PATH = "/v1/parcels-policies"
STAFF = Principal(UUID(int=7), "", "ops").scope


async def change(api: Api, heaviest: int, **selectors: str) -> httpx.Response:
    body = {"settings": {"heaviest": heaviest}, "why": f"at most {heaviest}", **selectors}
    return await api.http.post(PATH, json=body, headers=api.headers("manager"))


async def listed(api: Api, **params: str | int) -> list[int]:
    """The `heaviest` of every version, page after page."""
    found: list[int] = []
    while True:
        answer = (await api.http.get(PATH, params=params, headers=api.headers("engineer"))).json()
        assert answer["defaults"] == {"heaviest": 100, "days": 5}
        found += [version["settings"]["heaviest"] for version in answer["items"]]
        if answer["next_cursor"] is None:
            return found
        assert len(answer["items"]) == params["limit"]
        params["cursor"] = answer["next_cursor"]


async def test_versions_are_listed_in_pages_the_newest_first(api: Api) -> None:
    for heaviest in range(1, 8):
        await change(api, heaviest)
    assert await listed(api, limit=3) == [7, 6, 5, 4, 3, 2, 1]


async def test_a_list_can_be_narrowed_to_what_names_a_plan_a_region_or_a_severity(api: Api) -> None:
    await change(api, 1)
    await change(api, 2, plan="gold")
    await change(api, 3, plan="gold", region="VN")
    await change(api, 4, region="VN", severity="critical")
    assert await listed(api, plan="gold") == [3, 2]
    assert await listed(api, region="VN", limit=1) == [4, 3]
    assert await listed(api, severity="critical", region="VN") == [4]
    assert await listed(api, severity="minor") == []
    for bad in ({"region": "Vietnam"}, {"plan": "\x00"}):
        assert (await api.http.get(PATH, params=bad, headers=api.headers("engineer"))).status_code == 422
    assert (await api.http.get(PATH, params={"cursor": "x"}, headers=api.headers("engineer"))).status_code == 400


async def test_of_changes_at_once_one_stays_in_force(api: Api) -> None:
    answers = await asyncio.gather(*(change(api, heaviest, region="VN") for heaviest in range(1, 9)))
    assert [answer.status_code for answer in answers] == [201] * 8
    async with api.database.transaction(STAFF) as tx:
        assert await tx.connection.fetchval("SELECT count(*) FROM policies WHERE valid_to IS NULL") == 1
        assert len(await Policies("parcels", ParcelPolicy).versions(tx)) == 8


async def test_what_is_under_way_follows_a_change_in_its_own_transaction(api: Api) -> None:
    async def lighten(tx: Transaction) -> None:
        policy = await policies.at(tx)
        for parcel in await tx.select(Parcel, lock=True):
            parcel.weight = min(parcel.weight, policy.heaviest)
        assert policy.heaviest != 13, "an unlucky number"

    policies = Policies("parcels", ParcelPolicy)
    router = policy_router(policies, changed=lighten)
    service = Service("parcels", [router], Handlers("parcels"), Timers("parcels"), Jobs("parcels"))
    transport = httpx.ASGITransport(service.app(api.database, Verifier(KEY.public_key())), raise_app_exceptions=False)
    async with api.database.transaction(STAFF) as tx:
        parcel = tx.add(Parcel(id=new_id(), account_id=new_id(), name="a", weight=90))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        here = Api(http, api.database)
        assert (await change(here, 40)).status_code == 201
        assert (await change(here, 13)).status_code == 500
    async with api.database.transaction(STAFF) as tx:
        assert (await Parcel.get(parcel.id, tx)).weight == 40
        assert len(await policies.versions(tx)) == 1
