"""What services keep of each other's facts is what the log says, and an operator mends what is not, while everybody works."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import asyncpg

from deploy.local.processes import ROOT
from deploy.local.stack import Stack
from deploy.local.story.people import Person
from tests.journeys.requests import a_failed_camera, a_request, call_off, sees


async def rebuild(stack: Stack, *arguments: str) -> tuple[int | None, list[dict[str, Any]]]:
    command = (sys.executable, "-m", "deploy.cli", "rebuild", *arguments, "--json", "--home", str(stack.home))
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    return process.returncode, json.loads(out)


async def test_every_projection_is_what_the_log_says_and_an_edited_one_is_mended(
    stack: Stack, people: dict[str, Person]
) -> None:
    customer, engineer = people["customer"], people["engineer"]
    case_id = (await customer.post("/v1/cases", a_request()))["id"]
    await engineer.post(f"/v1/cases/{case_id}/diagnoses", a_failed_camera())
    await sees(customer, "/v1/work-orders", case_id=case_id, state="planned")
    rma = await asyncpg.connect(stack.env["POLYPLUS_RMA_OWNER_URL"])
    try:
        await rma.execute("SELECT set_config('polyplus.scope', 'worker', false)")
        edited = await rma.execute("UPDATE case_files SET serial = 'edited' WHERE id = $1", case_id)
        assert edited == "UPDATE 1"
        code, done = await rebuild(stack, "--all")
        assert code == 0
        wrong = {(each["service"], each["projection"]): each["differences"] for each in done if each["differences"]}
        assert list(wrong) == [("rma", "case_files")]
        assert [(d["id"], d["columns"]) for d in wrong["rma", "case_files"]] == [(case_id, ["serial"])]
        assert {each["service"] for each in done} >= {"rma", "escalation", "ecps", "onsite", "entitlements"}
        assert await rma.fetchval("SELECT serial FROM case_files WHERE id = $1", case_id) == a_request()["serial"]
    finally:
        await rma.close()
    await call_off(case_id, customer, engineer)
