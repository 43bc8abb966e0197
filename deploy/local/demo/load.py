"""Loads the demo data through the gateway, as any client could: safe to repeat, and to go on with after a stop.

Each table of a file is a resource (`[[sites]]` → `POST /v1/sites`, `[["stock/goods-in"]]` → `POST /v1/stock/goods-in`), each entry
one request, unless the resource's list shows one of the same natural key. In a value, `{accounts: Name}` is the id of what the key
says, `{today+30}` a date, and `{env.NAME}` what the stack's environment says.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import time
import tomllib
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from deploy.local.demo.admin import Admin, NotLoaded
from deploy.local.demo.clients import hand_over

Row = dict[str, Any]
Ids = dict[str, dict[str, str]]
"""By resource and by what others name it: `ids["sites"]["Marina office"]`."""
Say = Callable[[str], None]
AT_ONCE = 4
KEYS: Mapping[str, tuple[str, ...]] = {
    "people": ("email",),
    "accounts": ("name",),
    "contacts": ("account_id", "email"),
    "sites": ("account_id", "name"),
    "products": ("product_number",),
    "resellers": ("country", "name"),
    "onsite-rules": ("country", "region", "family"),
    "contracts": ("account_id", "plan", "options", "families"),
    "registrations": ("product_number", "serial"),
    "licences": ("key",),
    "calendars": ("name",),
    "depot-calendars": ("name",),
    "depots": ("code",),
    "lanes": ("depot_id", "country", "region", "carrier"),
    "parts": ("part_number",),
    "stock/goods-in": ("depot_id", "part_number"),
    "places": ("country", "name"),
    "technicians": ("person_id",),
    "partners": ("code",),
    "partner-agreements": ("account_id", "partner_id", "reference"),
    "queues": ("code",),
    "teams": ("name",),
    "rotas": ("name",),
    "experts": ("person_id",),
    "policies": ("name",),
    "problems": ("symptom",),
    "entitlements-policies": ("region", "why"),
    "rma-policies": ("region", "why"),
    "onsite-policies": ("region", "why"),
    "clients": ("role", "name"),
}
"""What tells one from another; by the last of them an entry names one."""
LATER: Mapping[str, tuple[str, ...]] = {"clients": ("person_id",)}
"""What a later release brought: an entry that was made without it gets it."""
SAYS_WHY = frozenset({"clients", "partners"})
"""Whose changes are recorded with a reason; others take none."""
_DATE = re.compile(r"^\{today([+-]\d+)?\}$")
_NAME = re.compile(r"^\{env\.(\w+)\}$")
REFERENCE = re.compile(r"^\{([a-z-]+): (.+)\}$")


def _print(line: str) -> None:
    print(line, flush=True)


async def load(env: MutableMapping[str, str], say: Say = _print) -> Ids:
    """Everything in the files, in their order; the clients' credentials go into `env` and its file. Raises NotLoaded."""
    started = time.monotonic()
    today, ids = datetime.now(UTC).date(), Ids()
    async with Admin.of(env) as admin:
        for path in sorted(Path(__file__).parent.glob("*.toml")):
            for resource, rows in tables(path).items():
                entries = [(filled(row, env, today, ids), _of_this_stack(row, env)) for row in rows]
                made = await _load_table(admin, resource, entries, ids, env)
                say(f"   {resource}: {made} new, {len(rows) - made} there already")
    say(f"the demo data is loaded ({time.monotonic() - started:.1f} s)")
    return ids


def tables(path: Path) -> dict[str, list[Row]]:
    """A file's entries by resource."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def filled(value: Any, env: Mapping[str, str], today: date, ids: Mapping[str, Mapping[str, str]]) -> Any:
    """The value with ids, dates and names of the environment put in."""
    match value:
        case dict():
            return {name: filled(each, env, today, ids) for name, each in value.items()}
        case list():
            return [filled(each, env, today, ids) for each in value]
        case str() if named := _DATE.match(value):
            return (today + timedelta(days=int(named[1] or 0))).isoformat()
        case str() if named := _NAME.match(value):
            return env[named[1]]
        case str() if named := REFERENCE.match(value):
            return ids[named[1]][filled(named[2], env, today, ids)]
    return value


def _of_this_stack(row: Row, env: Mapping[str, str]) -> Row:
    """What the stack's environment says in this entry; a later start may say something else, another port."""
    named = {name: _NAME.match(value) for name, value in row.items() if isinstance(value, str)}
    return {name: env[found[1]] for name, found in named.items() if found}


def natural_key(resource: str, row: Row) -> str:
    """What tells this entry, or this item of the resource's list, from the others; letter case does not."""
    return json.dumps([row.get(name) or None for name in KEYS[resource]], ensure_ascii=False).casefold()


async def _load_table(
    admin: Admin, resource: str, entries: list[tuple[Row, Row]], ids: Ids, env: MutableMapping[str, str]
) -> int:
    limit = asyncio.Semaphore(AT_ONCE)
    there = await _there(admin, resource)
    known = ids.setdefault(resource, {})

    async def one(row: Row, of_this_stack: Row) -> bool:
        async with limit:
            found = there.get(natural_key(resource, row))
            item = found or await _made(admin, resource, row)
            later = {name: row[name] for name in LATER.get(resource, ()) if name in row and item[name] is None}
            if moved := later | {name: value for name, value in of_this_stack.items() if item[name] != value}:
                why = {"why": "the sandbox is not as it was"} if resource in SAYS_WHY else {}
                await admin.change(f"/v1/{resource}/{item['id']}", {**moved, **why})
            if resource == "clients":
                await hand_over(admin, item, env)
            known[str(row.get(KEYS[resource][-1]))] = item["id"]
            return found is None

    return sum(await asyncio.gather(*(one(*entry) for entry in entries)))


async def _there(admin: Admin, resource: str) -> dict[str, Row]:
    """What the resource's list shows, by natural key; of namesakes the first that was made and is not disabled."""
    found: dict[str, Row] = {}
    for item in await admin.all(f"/v1/{resource.partition('/')[0]}"):
        key = natural_key(resource, item)
        if key not in found or _age(item) < _age(found[key]):
            found[key] = item
    return found


def _age(item: Row) -> tuple[bool, str, str]:
    return bool(item.get("disabled_at")), item.get("created_at", ""), item["id"]


async def _made(admin: Admin, resource: str, row: Row) -> Row:
    """The new one. What is refused may be there by now: somebody else loads, too."""
    key = hashlib.sha256(f"{resource} {natural_key(resource, row)}".encode()).hexdigest()[:32]
    answer = await admin.post(f"/v1/{resource}", row, key=f"demo:{key}")
    if answer.status_code == 201:
        made: Row = answer.json()
        return made
    if answer.status_code in (409, 422) and (found := (await _there(admin, resource)).get(natural_key(resource, row))):
        return found
    raise NotLoaded(
        f"demo data: POST /v1/{resource} ({natural_key(resource, row)}) → {answer.status_code} {answer.text}"
    )
