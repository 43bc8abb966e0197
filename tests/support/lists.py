"""Every list of every service: its filters as its OpenAPI offers them, tables that are filled, and what PostgreSQL does for a request.

A list is a GET that answers with a page. What it asks the database is heard from the connection that asks, with the plan that the
connection would use; nothing here knows a query.
"""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.kit.auth import CUSTOMERS, Verifier
from libs.kit.http import ServiceRoute
from libs.kit.paging import Key, encode_cursor
from libs.kit.service import Service
from libs.store import Database
from libs.store.database import PLANNED_ONCE
from tests.support.filling import uid
from tests.support.harness import Harness

Schema = dict[str, Any]
TINY = {
    "/v1/cases/{case_id}/waits": "they stand in their case's own row",
    "/v1/cases/{case_id}/satisfaction": "one for each time that the case was resolved",
    "/v1/queues": "a desk each: dozens",
    "/v1/announcements": "written by hand: dozens",
    "/v1/reply-templates": "kept by hand: hundreds",
    "/v1/views": "kept by hand: a few for each of our own people",
    "/v1/clients": "an integration each: hundreds",
    "/v1/problem-types": "they stand in a file",
    "/v1/parts": "the spare parts' catalogue, kept by hand: thousands",
    "/v1/depots": "a building each: dozens",
    "/v1/lanes": "a depot and a region each: hundreds",
    "/v1/calendars": "a country or region each: dozens",
    "/v1/depot-calendars": "a depot each: dozens",
    "/v1/policies": "kept by hand: dozens",
    "/v1/teams": "kept by hand: dozens",
    "/v1/rotas": "kept by hand: dozens",
    "/v1/rotas/{rota_id}/overrides": "a leave or an illness of a rota's people each: thousands in years, by the rota's index",
    "/v1/absences": "a leave of our own people each: thousands in years",
    "/v1/desk-members": "a person each: hundreds",
    "/v1/experts": "a person each: hundreds",
    "/v1/experts/search": "a person each: hundreds",
    "/v1/partners": "a company each: dozens",
    "/v1/technicians": "a person each: hundreds",
    "/v1/places": "towns, kept by hand: hundreds",
    "/v1/products": "the catalogue, kept by hand: thousands",
    "/v1/resellers": "a company each: hundreds",
    "/v1/onsite-rules": "kept by hand: hundreds",
    **{
        f"/v1/{service}-policies": "a change of policy each: hundreds"
        for service in ("cases", "rma", "escalation", "ecps", "onsite", "entitlements")
    },
}
"""Lists of what does not grow with the business, and why: a walk through all of it costs nothing that counts."""

TABLES = {
    "/v1/cases": "cases",
    "/v1/cases/{case_id}/notes": "notes",
    "/v1/cases/{case_id}/attachments": "attachments",
    "/v1/cases/{case_id}/diagnoses": "diagnoses",
    "/v1/cases/{case_id}/time-entries": "time_entries",
    "/v1/satisfaction": "satisfaction",
    "/v1/cases/{case_id}/followers": "followers",
    "/v1/problems": "problems",
    "/v1/rmas": "rmas",
    "/v1/charges": "rmas",
    "/v1/stock": "stock",
    "/v1/stock/{stock_id}/movements": "stock_movements",
    "/v1/clocks": "clocks",
    "/v1/escalations": "escalations",
    "/v1/assignee-proposals": "proposals",
    "/v1/partner-agreements": "partner_agreements",
    "/v1/partner-engagements": "engagements",
    "/v1/partner-engagements/{engagement_id}/notes": "engagement_notes",
    "/v1/joint-calls": "joint_calls",
    "/v1/work-orders": "work_orders",
    "/v1/appointments": "appointments",
    "/v1/day-plans": "day_plans",
    "/v1/accounts": "accounts",
    "/v1/sites": "sites",
    "/v1/contacts": "contacts",
    "/v1/contracts": "contracts",
    "/v1/offers": "offers",
    "/v1/registrations": "registrations",
    "/v1/licences": "licences",
    "/v1/people": "people",
    "/v1/cases/{case_id}/timeline": "activity_events",
    "/v1/events": "activity_events",
}
"""What grows with the business: the table that each list reads."""

READ = frozenset(TABLES.values()) | {"case_files"}
"""These, and what a list below a row looks at first."""

_KEYS = {
    **dict.fromkeys(("accounts", "sites", "contacts", "contracts", "registrations", "licences", "people"), "id"),
    "offers": "day",
    "stock": "name",
    "stock_movements": "id",
}
"""What the list of a table goes on after; any other after an instant and an id."""

SEARCHED = {
    **{
        (path, "counts"): "no filter: a thousand rows of each value are counted at most, by the index of the filter"
        for path in ("/v1/cases", "/v1/rmas", "/v1/escalations", "/v1/work-orders", "/v1/partner-engagements")
    },
    **{
        (
            path,
            "q",
        ): "a search, not a filter: the words of names have an index of their own, and what is named so is read"
        for path in ("/v1/accounts", "/v1/sites", "/v1/contacts")
    },
    ("/v1/people", "q"): "a search, not a filter: through the words of a few thousand people",
    (
        "/v1/cases",
        "q",
    ): "a search, not a filter: by the indexes of words, and 1,001 cases at most are read by their ids",
    ("/v1/problems", "q"): "a search, not a filter: 2,000 rows at most, by the index of words",
}
"""Parameters that are no filters of a list in its order, and what they cost."""

OF_STAFF = {("/v1/cases", "tag")}
"""Filters that are refused to everybody else."""

NEVER = "2090-01-01T00:00:00Z"
"""After whatever there is."""

_BELOW = ("engineer", "customer")
_ROLES = ("engineer", "manager", "customer", "reseller", "partner", "depot", "technician")


@dataclass(frozen=True)
class Asked:
    """One request to a list."""

    path: str
    filter: str
    """The parameter, or "" for the list alone."""
    value: str
    role: str
    order: str = ""

    @property
    def url(self) -> str:
        path = self.path
        for name in ("case_id", "stock_id", "engagement_id"):
            path = path.replace(f"{{{name}}}", uid(1))
        return path


@dataclass(frozen=True)
class Read:
    """What one request made PostgreSQL read of the list's table. `walked`: from one end to the other."""

    asked: Asked
    rows: int
    blocks: int
    walked: bool
    by: tuple[str, ...]
    """The indexes."""


# --- which lists there are -----------------------------------------------------------------------------------------------


@cache
def document(service: Service) -> Schema:
    """The service's OpenAPI, which needs nothing that runs; made once, since it takes a while."""
    found: Schema = service.app(None, Verifier(Ed25519PrivateKey.generate().public_key())).openapi()  # type: ignore[arg-type]
    return found


def lists(described: Schema) -> dict[str, list[Schema]]:
    """The query parameters of every list, by path."""
    found = {}
    for path, item in described["paths"].items():
        content = item.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        if _is_a_page(content.get("application/json", {}).get("schema", {}), described):
            parameters = item["get"].get("parameters", [])
            found[path] = [
                p for p in parameters if p["in"] == "query" and p["name"] not in ("limit", "cursor", "after")
            ]
    return found


def _is_a_page(schema: Schema, described: Schema) -> bool:
    schema = _resolved(schema, described)
    return "next_cursor" in schema.get("properties", {}) or any(
        _is_a_page(each, described) for each in schema.get("anyOf", ())
    )


def page_items(path: str, described: Schema) -> list[Schema]:
    """What the pages of this list hold: the schema of each kind of item."""
    said = described["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    pages = [_resolved(each, described) for each in said.get("anyOf", [said])]
    return [_resolved(each["properties"]["items"]["items"], described) for each in pages]


def _resolved(schema: Schema, described: Schema) -> Schema:
    found: Schema = (
        described["components"]["schemas"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    )
    return found


def _key_of(path: str) -> str:
    return {"/v1/events": "seq", "/v1/cases/{case_id}/timeline": "time"}.get(path) or _KEYS.get(TABLES[path], "at")


def values(parameter: Schema) -> list[str]:
    """What is asked for: every value of a few, else one that there is and one that there is not."""
    return list(_values(parameter["schema"]))


def _values(schema: Schema) -> Iterator[str]:
    if options := schema.get("anyOf"):
        yield from _values(next(each for each in options if each.get("type") != "null"))
    elif schema.get("type") == "array":
        found = list(_values(schema["items"]))
        yield from found
        yield "&".join(found[:3])
    elif "enum" in schema or "const" in schema:
        yield from schema.get("enum") or [schema["const"]]
    elif schema.get("type") == "boolean":
        yield from ("true", "false")
    elif schema.get("type") == "integer":
        yield from (str(schema.get("minimum", 1)), str(schema.get("maximum", 2**31 - 1)))
    elif schema.get("format") == "date-time":
        yield from ("2026-01-02T00:00:00Z", "2020-01-01T00:00:00Z", NEVER)
    elif schema.get("format") == "date":
        yield from ("2026-01-02", "2020-01-01")
    elif schema.get("format") == "uuid":
        yield from (uid(1), uid(2**40))
    else:
        yield from ("V1", "NONE")


def requests(service: Service, described: Schema, rows: int) -> list[Asked]:
    """Every filter of every list that grows: each value as staff, and the last, which is rarest or is not there, as every other role."""
    roles = {
        r.path: r.allowed.roles for router in service.routers for r in router.routes if isinstance(r, ServiceRoute)
    }
    found = []
    at, id, n = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=rows // 2), UUID(uid(rows // 2)), rows // 2
    keys: dict[str, Key] = {
        "id": (id,),
        "name": ("V5", id),
        "seq": (n,),
        "time": (at, n),
        "at": (at, id),
        "day": (at.date(), id),
    }
    cursors = {path: encode_cursor(keys[_key_of(path)]) for path in TABLES}
    for path, parameters in lists(described).items():
        staff, *others = [
            role for role in _ROLES if path in TABLES and role in roles[path] and ("{" not in path or role in _BELOW)
        ] or [""]
        for role in (staff, *others) if staff else ():
            found.append(Asked(path, "", "", role))
            found.append(Asked(path, "cursor", cursors[path], role))
            for each in parameters:
                refused = role != staff and (path, each["name"]) in OF_STAFF
                if not refused and (path, each["name"]) not in SEARCHED:
                    asked = values(each) if role == staff else values(each)[-1:]
                    found += [Asked(path, each["name"], value, role) for value in asked]
    return found


# --- what is read --------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def listening(service: Service, owner_url: str, url: str) -> AsyncIterator[tuple[Harness, list[Any]]]:
    """The service, and what its connections were asked."""
    heard: list[Any] = []
    pool = await asyncpg.create_pool(
        url, min_size=1, max_size=1, server_settings=PLANNED_ONCE, init=lambda connection: _listen(connection, heard)
    )
    harness = Harness(service, Database(pool), owner_url)
    try:
        async with harness.http:
            yield harness, heard
    finally:
        await pool.close()


async def _listen(connection: Any, heard: list[Any]) -> None:
    connection.add_query_logger(heard.append)


async def read_by(asked: Asked, harness: Harness, heard: list[Any], *, limit: int, without_walks: bool = False) -> Read:
    """Asks, and has the statement that went to the list's table explained as it was asked: the caller's rows, the pool's plan.

    `without_walks` forbids the sequential scans that a small table invites. Raises AssertionError when nothing was asked of the table.
    """
    query = "".join(f"&{asked.filter}={value}" for value in asked.value.split("&")) if asked.filter else ""
    query = f"&cursor={asked.value}" if asked.filter == "cursor" else query
    query += f"&sort={asked.order}" if asked.order else ""
    heard.clear()
    bound: dict[str, dict[str, Any]] = {
        "partner": {"partner_id": UUID(uid(7919 % 20))}, "depot": {"depots": [UUID(uid(7919 % 20)), UUID(uid(2))]},
        "technician": {"technician_id": UUID(uid(7919 % 200))},
    }  # fmt: skip
    ids = bound.get(asked.role, {})
    accounts = [UUID(uid(n)) for n in range(1, 6 if asked.role == "reseller" else 2)] if asked.role in CUSTOMERS else []
    said = ""
    try:
        answer = await harness.get(f"{asked.url}?limit={limit}{query}", role=asked.role, accounts=accounts, **ids)
        said = answer.text
    except Exception as error:  # made-up rows may be no rows of this service's; what was asked has been heard
        said = repr(error)
    table = TABLES[asked.path]
    statements = [
        each for each in heard if each.query.lstrip().upper().startswith("SELECT") and f"FROM {table}" in each.query
    ]
    assert statements, f"{asked} asked nothing of {table}: {said[:300]}"
    plans = []
    async with harness.database.pool.acquire() as connection, connection.transaction():
        scope = "tenant" if accounts else "staff"
        await connection.fetch(
            "SELECT set_config('polyplus.scope', $1, true), set_config('polyplus.accounts', $2, true)",
            scope, ",".join(map(str, accounts)),
        )  # fmt: skip
        if without_walks:
            await connection.execute("SET LOCAL enable_seqscan = off")
        plans = [await plan_of(connection, each.query, each.args) for each in statements]
    nodes = [node for plan in plans for node in _nodes(plan)]
    return Read(
        asked,
        rows=sum(rows_read(plan, table) for plan in plans),
        blocks=max(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] for plan in plans),
        walked=any(node["Node Type"] == "Seq Scan" and node.get("Relation Name") == table for node in nodes),
        by=tuple(dict.fromkeys(node["Index Name"] for node in nodes if "Index Name" in node)),
    )


async def plan_of(connection: Any, query: str, args: Any) -> Mapping[str, Any]:
    """EXECUTE of a prepared statement: EXPLAIN of the statement itself would plan it for these very arguments."""
    types = [parameter.name for parameter in (await connection.prepare(query)).get_parameters()]
    named = f"({', '.join(f'{name[:-2]}[]' if name.endswith('[]') else name for name in types)})" if types else ""
    given = f"({', '.join(map(_quoted, args))})" if args else ""
    await connection.execute(f"PREPARE asked {named} AS {query}")
    explained = await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE asked {given}")
    await connection.execute("DEALLOCATE asked")
    found: Mapping[str, Any] = json.loads(explained)[0]["Plan"]
    return found


def _quoted(value: Any) -> str:
    if value is None:
        return "NULL"
    text = "{" + ",".join(f'"{each}"' for each in value) + "}" if isinstance(value, (list, tuple)) else str(value)
    return "'" + text.replace("'", "''") + "'"


def rows_read(plan: Mapping[str, Any], table: str) -> int:
    """How many of the table's rows it read, those too that it threw away."""
    return sum(_touched(node) for node in _nodes(plan) if node.get("Relation Name") == table)


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from _nodes(each)


def _touched(node: Mapping[str, Any]) -> int:
    """Rows, with those that were read and thrown away."""
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return int((node["Actual Rows"] + removed) * node["Actual Loops"])
