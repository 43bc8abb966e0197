"""Every role on every route: a role sees the rows that docs/access.md gives it, and no other."""

from uuid import uuid4

import pytest

from libs.kit.auth import CASE_READERS, ROLES
from services.gateway.app import service
from services.gateway.tests.stage import Stage
from tests.support.access import Row, World, made, unclassified, wrong_commands, wrong_reads
from tests.support.harness import Harness


async def a_world(gateway: Harness) -> World:
    """A client for an admin to look at, a person for staff, and a kind of problem for everybody."""
    person, successor = [
        await made(gateway, "/v1/people", {"name": name, "roles": ["engineer"]}, role="admin") for name in ("An", "Ân")
    ]
    body = {"name": "ERP", "role": "customer", "accounts": [str(uuid4())]}
    return World(
        gateway,
        {
            "/v1/clients": [Row({"client_id": await made(gateway, "/v1/clients", body, role="admin")})],
            "/v1/people": [Row({"person_id": person})],
            "/v1/problem-types": [Row({"name": "bad-request"})],
        },
        {
            "/{client_id}": {"name": "ERP 2"},
            "/{person_id}": {"name": "Ánh"},
            "/leave": {"successor_id": successor},
        },
    )


@pytest.mark.parametrize("role", sorted(ROLES))
async def test_who_reads_no_events_hears_none(stage: Stage, role: str) -> None:
    """The stream is the door's own; activity refuses the same roles their timeline and replay."""
    http = await stage.client(role, accounts=[uuid4()], depots=[uuid4()], technician_id=uuid4())

    status = (await http.get("/v1/events/stream")).status_code

    assert status == (503 if role in CASE_READERS else 403)  # no activity stands behind this door


def test_every_route_is_in_the_table() -> None:
    assert unclassified(service) == []


async def test_each_role_reads_the_rows_that_the_table_gives_it(gateway: Harness) -> None:
    assert await wrong_reads(await a_world(gateway)) == []


async def test_nobody_commands_a_row_that_is_not_theirs(gateway: Harness) -> None:
    assert await wrong_commands(await a_world(gateway)) == []
