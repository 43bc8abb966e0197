"""Every role on every route: a role sees the rows that docs/access.md gives it, and no other."""

from uuid import UUID

from services.rma.app import service
from services.rma.model.rma import Rma
from services.rma.tests.builders import ACCOUNT, OTHER_ACCOUNT, Case, goods_in, made, refused, reserved
from services.rma.tests.network import CAMERA, HCM, HCM_DAYS, SGP, a_network, days
from tests.support.access import Row, World, bind, unclassified, wrong_commands, wrong_reads
from tests.support.harness import Harness


async def a_world(rma: Harness) -> World:
    """An RMA of each of two accounts from each of two depots, and one that no depot has yet."""
    await a_network(rma, camera=0)
    rmas: list[Row] = []
    for depot, here in ((HCM, {"depots"}), (SGP, set())):
        await goods_in(rma, 2, depot_id=depot)
        for account, ours in ((ACCOUNT, {"accounts"}), (OTHER_ACCOUNT, set())):
            case = Case(f"{account} {depot}", account_id=account, serial=f"{account} {depot}")
            rmas.append(Row({"rma_id": await reserved(rma, case)}, frozenset({*here, *ours})))
    waiting = Case("waiting", account_id=OTHER_ACCOUNT)
    await rma.deliver(waiting.opened(), waiting.diagnosed())
    rmas.append(Row({"rma_id": waiting.rma_id}))
    ids = {
        plural: (await rma.get(f"/v1/{plural}")).json()["items"]
        for plural in ("stock", "parts", "depots", "lanes", "depot-calendars")
    }
    own = {"depots": frozenset({"depots"})}
    serials = (("C-HCM", own["depots"]), ("C-SGP", frozenset[str]()))
    for depot, (serial, _) in zip((HCM, SGP), serials, strict=True):
        scanned = {"depot_id": str(depot), "part_number": "P-X70", "quantity": 1, "serials": [serial]}
        await made(rma, "/v1/stock/goods-in", scanned, role="depot")
    bind(rma, ACCOUNT, depots=[HCM])
    return World(
        rma,
        rows={
            "/v1/rmas": rmas,
            "/v1/depot-calendars": [Row({"calendar_id": ids["depot-calendars"][0]["id"]})],
            "/v1/stock": [
                Row({"stock_id": each["id"]}, own["depots"] if each["depot_id"] == str(HCM) else frozenset())
                for each in ids["stock"]
            ],
            "/v1/serials": [Row({"serial": each}, own) for each, own in serials],
            **{f"/v1/{name}s": [Row({f"{name}_id": ids[f"{name}s"][0]["id"]})] for name in ("part", "depot", "lane")},
        },
        bodies={
            "/pick": {"serial": "NEW-2"},
            "/short-pick": {"what": "damaged"},
            "/ship": {"serial": "NEW-1", "carrier": "van", "tracking": "1"},
            "/{calendar_id}": {"data": days("Asia/Ho_Chi_Minh"), "why": "a holiday"},
            "/{depot_id}": {"calendar_id": str(HCM_DAYS)},
        },
    )


async def test_a_depot_books_a_returned_unit_only_to_an_rma_of_its_own(rma: Harness) -> None:
    world = await a_world(rma)
    mine, theirs = (row.id for row in world.rows["/v1/rmas"][0:3:2])
    async with rma.transaction() as tx:
        (await Rma.get(UUID(mine), tx, lock=True)).return_state = "serial_mismatch"
    body = {"result": "confirmed", "matched_rma_id": theirs}

    answer = await rma.post(f"/v1/rmas/{mine}/inspect", body, role="depot")

    assert refused(answer) == (409, "no-match")
    assert (await rma.get(f"/v1/rmas/{theirs}")).json()["return_state"] == "not_required"


async def test_a_transfer_shows_a_depot_its_own_shelf_alone(rma: Harness) -> None:
    await a_world(rma)
    move = {"from_depot_id": str(HCM), "to_depot_id": str(SGP), "part_number": CAMERA, "quantity": 1}
    await goods_in(rma, 1)

    answer = await rma.post("/v1/stock/transfers", move, role="depot")

    assert [each["depot_id"] for each in answer.json()] == [str(HCM)]


def test_every_route_is_in_the_table() -> None:
    assert unclassified(service) == []


async def test_each_role_reads_the_rows_that_the_table_gives_it(rma: Harness) -> None:
    assert await wrong_reads(await a_world(rma)) == []


async def test_nobody_commands_a_row_that_is_not_theirs(rma: Harness) -> None:
    assert await wrong_commands(await a_world(rma)) == []
