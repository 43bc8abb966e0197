"""Every role on every route: a role sees the rows that docs/access.md gives it, and no other."""

from datetime import timedelta
from uuid import UUID

from services.escalation.app import service
from services.escalation.tests.builders import ACCOUNT, a_case, a_rota, id_of
from services.escalation.tests.desk import at_the_desk, automatic, waiting
from tests.support.access import Row, World, bind, made, unclassified, wrong_commands, wrong_reads
from tests.support.harness import Harness
from tests.support.people import ANYBODY, LAN

OTHER_ACCOUNT = UUID(int=8)


async def a_world(escalation: Harness) -> World:
    """An escalation and clocks of each of two accounts, and who can be called."""
    bind(escalation, ACCOUNT)
    await escalation.learn({ANYBODY: LAN})
    escalations, clocks = [], []
    for account in (ACCOUNT, OTHER_ACCOUNT):
        case = await a_case(escalation, account_id=account)
        own = frozenset({"accounts"} if account == ACCOUNT else ())
        wish = {"case_id": str(case.id), "reason": "It takes too long."}
        escalations.append(Row({"escalation_id": await made(escalation, "/v1/escalations", wish)}, own))
        listed = (await escalation.get(f"/v1/clocks?case_id={case.id}")).json()["items"]
        clocks.append(Row({"clock_id": listed[0]["id"]}, own))
    steps = [{"calls": [{"kind": "person", "id": str(id_of("An"))}], "acknowledgements": 1, "minutes_to_next": 15}]
    team = {"name": "T", "members": [str(id_of("An"))]}
    today = await escalation.now()
    away = {"person_id": str(id_of("Em")), "starts": today.isoformat(), "ends": (today + timedelta(days=1)).isoformat()}
    member = (await at_the_desk(escalation, "Dung"))["id"]
    await automatic(escalation)
    await waiting(escalation)
    await escalation.fire_timers()
    proposal = (await escalation.get("/v1/assignee-proposals")).json()["items"][0]["id"]
    expert = {"person_id": str(id_of("Chi")), "skills": {"domains": ["network"]}}

    rota = await made(escalation, "/v1/rotas", a_rota(people=("An", "Binh")), role="manager")
    now = await escalation.now()
    span = {name: (now + timedelta(days=days)).isoformat() for name, days in (("starts", 1), ("ends", 2))}
    stand_in = {"person_id": str(id_of("An")), "reason": "ill", **span}
    override = await made(escalation, f"/v1/rotas/{rota}/overrides", stand_in)
    turns = []
    for weeks in (2, 3):
        at = (now + timedelta(weeks=weeks)).isoformat().replace("+", "%2B")
        [who] = (await escalation.get(f"/v1/rotas/{rota}/on-call?at={at}")).json()["people"]
        turns.append({"person_id": who["id"], "layer": "primary", "at": (now + timedelta(weeks=weeks)).isoformat()})
    exchange = {"first": turns[0], "second": turns[1], "reason": "a wedding"}
    swap = await made(escalation, f"/v1/rotas/{rota}/swaps", exchange)

    async def one(plural: str, parameter: str, body: object) -> list[Row]:
        return [Row({parameter: await made(escalation, f"/v1/{plural}", body, role="manager")})]

    return World(
        escalation,
        rows={
            "/v1/escalations": escalations,
            "/v1/clocks": clocks,
            "/v1/policies": await one("policies", "policy_id", {"name": "P", "steps": steps}),
            "/v1/teams": await one("teams", "team_id", team),
            "/v1/rotas": [Row({"rota_id": rota, "override_id": override, "swap_id": swap})],
            "/v1/desk-members": [Row({"member_id": member})],
            "/v1/assignee-proposals": [Row({"proposal_id": proposal})],
            "/v1/absences": [Row({"absence_id": await made(escalation, "/v1/absences", away, role="manager")})],
            "/v1/experts": await one("experts", "expert_id", expert),
        },
    )


def test_every_route_is_in_the_table() -> None:
    assert unclassified(service) == []


async def test_each_role_reads_the_rows_that_the_table_gives_it(escalation: Harness) -> None:
    assert await wrong_reads(await a_world(escalation)) == []


async def test_nobody_commands_a_row_that_is_not_theirs(escalation: Harness) -> None:
    assert await wrong_commands(await a_world(escalation)) == []
