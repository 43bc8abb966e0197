"""Rows that the version before wrote."""

import json
from typing import Any

import asyncpg

from deploy.local.databases import create_service_database
from deploy.local.migrate import migrate
from services.onsite.tests.builders import ACCOUNT, AN, CASE, MONDAY, ORDER, an_id

_AT = MONDAY.isoformat()
_ROW: dict[str, Any] = {
    "version": 0,
    "revision": 0,
    "account_id": str(ACCOUNT),
    "work_order_id": str(ORDER),
    "case_id": str(CASE),
    "technician_id": str(AN),
    "technician_name": "An",
    "made": 1,
    **dict.fromkeys(("starts", "window_ends", "ends", "leaves_at", "parts_by"), _AT),
    "time_zone": "UTC",
    "chosen_by": "policy",
    "steps": [],
    "installed": [],
    "history": [],
    "sign_offs": {},
}
_LEFT = {
    "waits": ("confirmed", None, "confirmed"),
    "on the way": ("confirmed", _AT, "en_route"),
    "at the site": ("in_progress", _AT, "in_progress"),
    "called off": ("cancelled", _AT, "cancelled"),
}


async def test_a_technician_who_had_departed_is_on_the_way(postgres_url: str) -> None:
    made = await create_service_database(postgres_url, "onsite", prefix="before_en_route_")
    await migrate("onsite", made.owner_url, "0007")
    owner = await asyncpg.connect(made.owner_url)
    await owner.execute("SELECT set_config('polyplus.scope', 'worker', false)")
    for name, (state, departed_at, _) in _LEFT.items():
        row = _ROW | {"id": str(an_id(name)), "state": state, "departed_at": departed_at}
        await owner.execute(
            "INSERT INTO appointments SELECT * FROM jsonb_populate_record(NULL::appointments, $1::jsonb)",
            json.dumps(row),
        )

    await migrate("onsite", made.owner_url)

    states = {row["id"]: row["state"] for row in await owner.fetch("SELECT id, state FROM appointments")}
    assert states == {an_id(name): after for name, (_, _, after) in _LEFT.items()}
    await owner.close()
