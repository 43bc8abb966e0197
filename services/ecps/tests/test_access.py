"""Every role on every route: a role sees the rows that docs/access.md gives it, and no other."""

from typing import Any
from uuid import UUID

from services.ecps.app import service
from services.ecps.tests.builders import ACCOUNT, OTHER_ACCOUNT, PARTNER, ACase, a_partner
from tests.support.access import Row, World, bind, made, unclassified, wrong_commands, wrong_reads
from tests.support.harness import Harness

OTHER_PARTNER = UUID(int=10)


async def a_world(ecps: Harness) -> World:
    """Each of two accounts with an agreement, an engagement and a call with each of two partners."""
    await a_partner(ecps)
    await a_partner(ecps, id=OTHER_PARTNER, code="other", name="Other")
    agreements, engagements, calls = [], [], []
    for partner, its in ((PARTNER, {"partner"}), (OTHER_PARTNER, set())):
        for account, ours in ((ACCOUNT, {"accounts"}), (OTHER_ACCOUNT, set())):
            own = frozenset({*its, *ours})
            case = await a_case(ecps, account, partner)
            about: dict[str, Any] = {"partner_id": str(partner), "account_id": str(account)}
            term = {"reference": "A", "valid_from": "2026-01-01"}
            agreement = await made(ecps, "/v1/partner-agreements", about | term)
            call = {"case_id": str(case.id), "partner_id": str(partner), "purpose": "Look at it together"}
            agreements.append(Row({"agreement_id": agreement}, own))
            engagements.append(Row({"engagement_id": case.engagement_id}, own))
            calls.append(Row({"call_id": await made(ecps, "/v1/joint-calls", call)}, own))
    bind(ecps, ACCOUNT, partner_id=PARTNER)
    window = {"starts": "2030-01-01T08:00:00Z", "ends": "2030-01-01T09:00:00Z"}
    return World(
        ecps,
        rows={
            "/v1/partners": [Row({"partner_id": PARTNER}, frozenset({"partner"})), Row({"partner_id": OTHER_PARTNER})],
            "/v1/partner-agreements": agreements,
            "/v1/partner-engagements": engagements,
            "/v1/partner-engagements/{engagement_id}/notes": engagements,
            "/v1/joint-calls": calls,
        },
        bodies={
            "/schedule": {"window": window},
            "/partner-updates": {"kind": "note", "text": "We look."},
            "/{agreement_id}": {"reference": "B"},
            "/{partner_id}": {"name": "Cloud", "why": "its name"},
        },
    )


async def a_case(ecps: Harness, account: UUID, partner: UUID) -> ACase:
    """Diagnosed as the partner's, and the customer asked."""
    case = ACase(await ecps.now(), partner)
    opened, covered = (event.model_copy(update={"account_id": account}) for event in (case.opened(), case.covered()))
    await ecps.deliver(opened, covered, case.diagnosed(), case.asked())
    return case


def test_every_route_is_in_the_table() -> None:
    assert unclassified(service) == []


async def test_each_role_reads_the_rows_that_the_table_gives_it(ecps: Harness) -> None:
    assert await wrong_reads(await a_world(ecps)) == []


async def test_nobody_commands_a_row_that_is_not_theirs(ecps: Harness) -> None:
    assert await wrong_commands(await a_world(ecps)) == []
