"""Role × row: `docs/access.md` held against every route of a service.

A service's `tests/test_access.py` says which rows there are and whose (`World`); what is asked follows from the routers and the table,
so that a new route cannot be forgotten.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from pydantic import BaseModel

from libs.kit.auth import CUSTOMERS, Public
from libs.kit.http import ServiceRoute
from libs.kit.service import Service
from services.gateway.routes import PUBLIC
from tests.support.harness import Harness

Cells = dict[str, str]
_TABLE = Path(__file__).parents[2] / "docs" / "access.md"
_PARAM = re.compile(r"\{(\w+)\}")
_REFUSED, _HIDDEN = 403, 404
_NO_ROW = "00000000-0000-4000-8000-0000000000ff"


@dataclass(frozen=True)
class Row:
    """`ids` fill a path's parameters, the first of them is the row's own; `own`: in which senses of the table it is the callers'."""

    ids: Mapping[str, Any]
    own: frozenset[str] = frozenset()

    @property
    def id(self) -> str:
        return str(next(iter(self.ids.values())))


@dataclass
class World:
    """A service with rows of the callers' own and of others, by the table's rows."""

    harness: Harness
    rows: dict[str, list[Row]]
    bodies: dict[str, Any] = field(default_factory=dict)
    """What a command is sent where the least that its schema takes is refused by a rule: by the path's last words, or a
    function of the role."""
    queries: dict[str, str] = field(default_factory=dict)


def table(service: str) -> dict[str, Cells]:
    """The service's part of the table: what each role sees, by path."""
    lines = [line.strip("|\n ").split("|") for line in _TABLE.read_text().splitlines() if line.startswith("|")]
    (_, _, *roles), _, *rows = [[cell.strip().strip("`") for cell in line] for line in lines]
    return {path: dict(zip(roles, cells, strict=True)) for owner, path, *cells in rows if owner == service}


def routes(service: Service) -> list[ServiceRoute]:
    return [route for router in service.routers for route in router.routes if isinstance(route, ServiceRoute)]


def unclassified(service: Service) -> list[str]:
    """Routes that no row of the table is about, and rows that are about no route."""
    known, used, found = table(service.name), set(), []
    for route in routes(service):
        if isinstance(route.allowed, Public):
            if route.path.split("/")[2] not in PUBLIC:
                found.append(f"{route.path} is public")
        elif (path := _row_of(route.path, known)) is None:
            found.append(f"{route.path} is not in docs/access.md")
        else:
            used.add(path)
    return found + [f"{path} of docs/access.md is no route's" for path in known if path not in used]


async def wrong_reads(world: World) -> list[str]:
    """Where a role reads more, or less, than the table gives it."""
    wrong: list[str] = []
    for route, path, role, cell in _crossed(world, "GET"):
        if (cell == "-") != (role not in route.allowed.roles):
            wrong.append(f"GET {route.path} as {role}: the table says {cell}, the roles of the route do not")
        elif not _PARAM.search(route.path):
            wrong += await _wrong_list(world, route, path, role, cell)
        else:
            wrong += await _wrong_rows(world, route, path, role, cell, "GET")
    return wrong


async def wrong_commands(world: World) -> list[str]:
    """Where a role commands a row that it does not see, or cannot reach one that it does. Others' rows are tried first."""
    wrong: list[str] = []
    for others in (True, False):
        for method in ("POST", "PATCH", "DELETE"):
            for route, path, role, cell in _crossed(world, method):
                if cell == "-" and role in route.allowed.roles:
                    wrong.append(f"{method} {route.path} as {role}: the table shows this role nothing of it")
                elif _PARAM.search(route.path):
                    wrong += await _wrong_rows(world, route, path, role, cell, method, others=others)
                elif others and role not in route.allowed.roles:
                    answer = await _ask(world, method, route, role, route.path)
                    wrong += _unless(answer.status_code == _REFUSED, method, route.path, role, cell, answer)
    return wrong


def _row_of(path: str, known: Mapping[str, Cells]) -> str | None:
    """The longest row that the path begins with."""
    found = [row for row in known if path == row or path.startswith(f"{row}/")]
    return max(found, key=len, default=None)


def _crossed(world: World, method: str) -> Iterator[tuple[ServiceRoute, str, str, str]]:
    known = table(world.harness.service.name)
    for route in routes(world.harness.service):
        path = _row_of(route.path, known)
        if path is None or method not in (route.methods or ()) or isinstance(route.allowed, Public):
            continue
        if "{" in route.path:
            assert world.rows.get(path), f"{route.path} needs rows of {path} to be tried with"
        for role, cell in known[path].items():
            yield route, path, role, cell


def _sees(cell: str, row: Row) -> bool:
    return cell == "all" or cell in row.own


async def _wrong_list(world: World, route: ServiceRoute, path: str, role: str, cell: str) -> list[str]:
    if cell != "-" and not route.include_in_schema:  # the feed has no end
        return []
    answer = await _ask(world, "GET", route, role, route.path)
    if cell == "-":
        return _unless(answer.status_code == _REFUSED, "GET", route.path, role, cell, answer)
    wrong = _unless(answer.status_code in (200, 422), "GET", route.path, role, cell, answer)
    if answer.status_code == 200 and route.path == path and "items" in answer.json():
        shown, rows = {item.get("id", item.get("name")) for item in answer.json()["items"]}, world.rows.get(path, [])
        for row in rows:
            if (row.id in shown) != _sees(cell, row):
                wrong.append(f"the list {path} as {role} ({cell}): {'shows' if row.id in shown else 'lacks'} {row}")
    return wrong


async def _wrong_rows(
    world: World, route: ServiceRoute, path: str, role: str, cell: str, method: str, *, others: bool | None = None
) -> list[str]:
    wrong, rows, names = [], world.rows[path], _PARAM.findall(route.path)
    may = role in route.allowed.roles
    for row in rows:
        if others is not None and others == (may and _sees(cell, row)):
            continue
        answer = await _ask(world, method, route, role, route.path.format(**row.ids))
        expected = answer.status_code not in (401, _REFUSED, _HIDDEN, 405) and answer.status_code < 500
        if not may:
            expected = answer.status_code == _REFUSED
        elif not _sees(cell, row):
            own = (_PARAM.findall(path) or names[:1])[-1]
            of_none = await _ask(world, method, route, role, route.path.format(**{**row.ids, own: _NO_ROW}))
            same = _said(answer, str(row.ids[own])) == _said(of_none, _NO_ROW)
            expected = answer.status_code == _HIDDEN and same
        wrong += _unless(expected, method, route.path, role, cell, answer, row)
    if may and len(names) > 1 and others is not False:  # what is another row's, asked for below one's own
        for mine, theirs in ((a, b) for a in rows for b in rows if _sees(cell, a) and a.id != b.id):
            mixed = {**theirs.ids, names[0]: mine.ids[names[0]]}
            answer = await _ask(world, method, route, role, route.path.format(**mixed))
            wrong += _unless(answer.status_code == _HIDDEN, method, route.path, role, cell, answer, theirs)
    return wrong


async def _ask(world: World, method: str, route: ServiceRoute, role: str, path: str) -> httpx.Response:
    headers = {"if-match": '"0"'} if method == "PATCH" else None
    body = None if method in ("GET", "DELETE") else _body(world, route, role)
    query = "" if method == "GET" else next((q for words, q in world.queries.items() if route.path.endswith(words)), "")
    return await world.harness.request(method, path + query, body, role=role, headers=headers)


def _said(answer: httpx.Response, id: str) -> str:
    """The answer to a question about this row, without its id: what is hidden is answered as what is not there."""
    return answer.text.replace(id, "")


def _unless(
    expected: bool, method: str, path: str, role: str, cell: str, answer: httpx.Response, row: Row | None = None
) -> list[str]:
    if expected:
        return []
    return [f"{method} {path} as {role} ({cell}) of {row}: {answer.status_code} {answer.text[:160]}"]


def _body(world: World, route: ServiceRoute, role: str) -> Any:
    """The least that the route's schema takes."""
    for words, body in world.bodies.items():
        if route.path.endswith(words):
            return body(role) if callable(body) else body
    model = route.body_field and route.body_field.field_info.annotation
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return {}
    schema = model.model_json_schema()
    wanted = schema.get("required") or list(schema.get("properties", {}))[:1]
    return {name: least(schema["properties"][name], schema.get("$defs", {})) for name in wanted}


_WORDS = ("a reason", "VN", "15:00", "2030-01-01", "Asia/Ho_Chi_Minh", "a@b.example", "https://a.example", "X1")
_FORMATS = {
    "uuid": "00000000-0000-4000-8000-00000000abcd", "date-time": "2030-01-01T00:00:00Z", "date": "2030-01-01",
    "email": "a@b.example", "uri": "https://a.example", "time-zone": "Asia/Ho_Chi_Minh", "country-code": "VN",
}  # fmt: skip


def least(schema: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    """The least that a JSON schema takes; `known` are the definitions that it refers to."""
    if ref := schema.get("$ref"):
        return least(known[ref.rpartition("/")[2]], known)
    if either := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
        return least(either[0], known)
    if "enum" in schema or "const" in schema:
        return schema.get("const", next(iter(schema.get("enum", ())), None))
    match schema.get("type"):
        case "object":
            wanted = schema.get("required", ())
            return {name: least(schema["properties"][name], known) for name in wanted}
        case "array":
            return [least(schema["items"], known)] * schema.get("minItems", 0)
        case "integer" | "number":
            return schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
        case "boolean":
            return True
    pattern = re.compile(schema.get("pattern", ""))
    return _FORMATS.get(schema.get("format", "")) or next((word for word in _WORDS if pattern.search(word)), "a word")


def bind(harness: Harness, account_id: UUID, **ids: Any) -> None:
    """From now on whoever calls is bound to these: this account, and `partner_id`, `depots`, `technician_id` where they are told."""
    harness.bound = {role: {"accounts": [account_id]} for role in CUSTOMERS | {"partner"}}
    for role, name in (("partner", "partner_id"), ("depot", "depots"), ("technician", "technician_id")):
        if name in ids:
            harness.bound.setdefault(role, {})[name] = ids[name]


async def made(harness: Harness, path: str, body: Any, **how: Any) -> str:
    """The id of what a command makes."""
    answer = await harness.post(path, body, **how)
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["id"])
