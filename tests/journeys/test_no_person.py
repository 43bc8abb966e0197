"""What the services tell of the whole story names none of the people who are in it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local import demo
from deploy.local.stack import Stack
from deploy.local.story import play
from deploy.local.story.people import Person

FILES = ("05_our_people", "10_customers", "50_technicians", "70_people")


def people_in(node: Any) -> Iterator[str]:
    """What says who somebody is, or how to reach them."""
    if isinstance(node, dict):
        if "email" in node:
            yield from (node[each] for each in ("name", "email", "phone") if each in node)
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from people_in(each)


def everybody() -> set[str]:
    """The customers' contacts, our own people and the technicians, as the demo data has them."""
    folder = Path(demo.__file__).parent
    files = (tomllib.loads((folder / f"{name}.toml").read_text("utf-8")) for name in FILES)
    return {text for file in files for text in people_in({**file, "resellers": []})}


async def told(ops: Person) -> list[dict[str, Any]]:
    """Every event there is."""
    events: list[dict[str, Any]] = []
    while page := (await ops.get("/v1/events", after=events[-1]["seq"] if events else 0, limit=200))["items"]:
        events += page
    return events


@pytest.mark.promise("C5")
async def test_the_facts_of_the_story_name_nobody(stack: Stack, people: dict[str, Person]) -> None:
    assert await play(stack.env) == 0
    events = await told(people["ops"])
    names = {event["type"].rpartition(".v")[0] for event in events}
    assert {"polyplus.onsite.visit-completed", "polyplus.rma.non-return-invoiced"} <= names
    named = {
        (event["type"], text)
        for event in events
        for text in everybody()
        if text in json.dumps(event, ensure_ascii=False)
    }
    assert named == set()
