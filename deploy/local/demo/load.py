"""Loads the demo data through the gateway, as any client could: safe to repeat, and to go on with after a stop.

Each table of a file is a resource (`[[sites]]` → `POST /v1/sites`, `[["stock/goods-in"]]` → `POST /v1/stock/goods-in`), each entry
one request under an Idempotency-Key of its own that never changes. In a value, `{today+30}` is a date and `{env.NAME}` what the
stack's environment says.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import time
import tomllib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from deploy.local.errors import CannotRun

Row = dict[str, Any]
Say = Callable[[str], None]
AT_ONCE = 4
PATIENCE_SECONDS = 90.0
_PAUSE_SECONDS = 0.2
_NOT_NOW = frozenset({429, 502, 503, 504})
_DATE = re.compile(r"^\{today([+-]\d+)?\}$")
_NAME = re.compile(r"^\{env\.(\w+)\}$")


class NotLoaded(CannotRun):
    """The API refused an entry; the message says which and why."""


def _print(line: str) -> None:
    print(line, flush=True)


async def load(env: Mapping[str, str], say: Say = _print) -> None:
    """Everything in the files, in their order. Raises NotLoaded."""
    started = time.monotonic()
    today = datetime.now(UTC).date()
    async with _admin(env) as http:
        for path in sorted(Path(__file__).parent.glob("*.toml")):
            for resource, rows in tables(path).items():
                made = await _load_table(http, resource, [filled(row, env, today) for row in rows], env)
                say(f"   {resource}: {made} new, {len(rows) - made} there already")
    say(f"the demo data is loaded ({time.monotonic() - started:.1f} s)")


def tables(path: Path) -> dict[str, list[Row]]:
    """A file's entries by resource."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def filled(value: Any, env: Mapping[str, str], today: date) -> Any:
    """The value with dates and names of the environment put in."""
    match value:
        case dict():
            return {name: filled(each, env, today) for name, each in value.items()}
        case list():
            return [filled(each, env, today) for each in value]
        case str() if named := _DATE.match(value):
            return (today + timedelta(days=int(named[1] or 0))).isoformat()
        case str() if named := _NAME.match(value):
            return env[named[1]]
    return value


async def _load_table(http: httpx.AsyncClient, resource: str, rows: list[Row], env: Mapping[str, str]) -> int:
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(row: Row) -> bool:
        async with limit:
            return await _load_row(http, resource, row)

    if resource == "clients":
        rows = [_with_credentials(row, env) for row in rows]
    return sum(await asyncio.gather(*(one(row) for row in rows)))


def _with_credentials(client: Row, env: Mapping[str, str]) -> Row:
    """The client of a role has the id and secret that this stack made for it."""
    prefix = f"POLYPLUS_CLIENT_{client['role'].upper()}"
    return {**client, "id": env[f"{prefix}_ID"], "secret": env[f"{prefix}_SECRET"]}


async def _load_row(http: httpx.AsyncClient, resource: str, row: Row) -> bool:
    """Whether it was made now. What is refused may be there from an earlier day, when its dates were others."""
    if "id" not in row and await _has_alike(http, resource, row):
        return False
    key = f"demo:{resource}:{row.get('id') or _digest(row)}"
    answer = await _until_up(http, "POST", f"/v1/{resource}", json=row, headers={"idempotency-key": key})
    if answer.status_code == 201:
        return "idempotent-replayed" not in answer.headers
    if answer.status_code in (409, 422) and "id" in row:
        present = await _until_up(http, "GET", f"/v1/{resource}/{row['id']}")
        if present.status_code == 200:
            return False
    named = row.get("name") or row.get("id") or row
    raise NotLoaded(f"demo data: POST /v1/{resource} ({named}) → {answer.status_code} {answer.text}")


async def _has_alike(http: httpx.AsyncClient, resource: str, row: Row) -> bool:
    """Whether the list shows what this entry says: a key is forgotten after some days, and stock must not come in twice."""
    answer = await _until_up(http, "GET", f"/v1/{resource.partition('/')[0]}", params={"limit": 200})
    items = answer.raise_for_status().json()["items"]
    return any(all(item[name] == value for name, value in row.items() if name in item) for item in items)


def _digest(row: Row) -> str:
    return hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()[:32]


@asynccontextmanager
async def _admin(env: Mapping[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the gateway with the first admin's token."""
    login = (env["POLYPLUS_CLIENT_ADMIN_ID"], env["POLYPLUS_CLIENT_ADMIN_SECRET"])
    async with httpx.AsyncClient(base_url=env["POLYPLUS_GATEWAY_URL"], timeout=20, trust_env=False) as http:
        grant = {"grant_type": "client_credentials"}
        answer = await _until_up(http, "POST", "/oauth/token", data=grant, auth=login)
        if answer.status_code != 200:
            raise NotLoaded(f"demo data: the admin gets no token: {answer.text}")
        http.headers["authorization"] = f"Bearer {answer.json()['access_token']}"
        yield http


async def _until_up(http: httpx.AsyncClient, method: str, path: str, **how: Any) -> httpx.Response:
    """The answer, once something answers that is neither busy nor down. Raises NotLoaded after PATIENCE_SECONDS."""
    end, last = time.monotonic() + PATIENCE_SECONDS, "no answer"
    while time.monotonic() < end:
        try:
            answer = await http.request(method, path, **how)
        except httpx.TransportError as error:
            last = repr(error)
        else:
            if answer.status_code not in _NOT_NOW:
                return answer
            last = f"{answer.status_code} {answer.text}"
        await asyncio.sleep(_PAUSE_SECONDS)
    raise NotLoaded(f"demo data: {method} {path} got no answer within {PATIENCE_SECONDS:.0f} s: {last}")
