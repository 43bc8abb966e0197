"""What has a name is sorted by it as Vietnamese sorts, and found by its words: in every list of every service."""

from dataclasses import fields
from random import Random
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.databases import create_service_database
from deploy.local.migrate import migrate
from deploy.services import SERVICES
from libs.events.gateway import PersonState
from libs.kit.fields import countries
from libs.kit.names import LONGEST, Found, Named
from libs.kit.tests.test_text import GOLDEN
from libs.kit.text import fold, sort_key
from libs.store import Entity
from tests.contract.test_labels_in_rows import a_row
from tests.support.access import least, routes
from tests.support.filling import fill, uid
from tests.support.harness import Harness, service_database
from tests.support.lists import Asked, document, listening, lists, read_by
from tests.support.people import ANYBODY, LAN
from tests.support.services import running, service

DOCUMENTS = {name: document(service(name)) for name in SERVICES}
OFFERED = {
    (name, path): {p["name"]: p for p in parameters}
    for name in SERVICES
    for path, parameters in lists(DOCUMENTS[name]).items()
}
BY_NAME = sorted(
    each for each, offered in OFFERED.items() if "name" in offered.get("sort", {}).get("schema", {}).get("enum", ())
)
NOT_BY_NAME = {"/v1/experts/search": "the best first", "/v1/problem-types": "from a file, all of them"}
FIELDS = {"/v1/products": "model"}
"""How a name is called, where it is not called so."""
SEARCHED = {
    "dak": {"Đắk Lắk"},
    "ho chi minh": {"Hồ Chí Minh"},
    "HỌP  phong": {"Phòng họp"},
    "nguyen a": {"Nguyễn An", "Nguyễn Ân"},
    "ảnh": {"ảnh", "ánh sáng"},
    "hong": set(),
    "lac": set(),
    "--": set(),
    "100%": set(),
}
"""What is typed, and what of the golden list is found by it."""
_HOURS = {"weekdays": [0], "opens": "08:00", "closes": "17:00"}
_WEEK = {"time_zone": "Asia/Ho_Chi_Minh", "windows": [_HOURS]}
MEANT: dict[str, Any] = {
    "text_vi": "…",
    "text_en": "…",
    "duty": _WEEK,
    "data": _WEEK,
    "opening_hours": [_HOURS],
    "query": "open=true",
}
"""Where the least that a schema takes means nothing."""
BEFORE = {
    "cases": ("0006", {"queues": "name"}),
    "ecps": ("0007", {"partners": "name"}),
    "entitlements": ("0010", {**dict.fromkeys(("accounts", "sites", "contacts", "resellers"), "name"), "products": "model"}),
    "escalation": ("0005", dict.fromkeys(("experts", "teams", "rotas", "escalation_policies"), "name")),
    "gateway": ("0005", {"clients": "name"}),
    "onsite": ("0009", dict.fromkeys(("technicians", "places"), "name")),
    "rma": ("0007", dict.fromkeys(("parts", "depots", "calendars"), "name")),
}  # fmt: skip
"""The revision without keys, and the tables that got them, with what a name is called there."""
NEW = {"people", "reply_templates", "views", "place_calendars"}
"""Tables that had keys from their beginning."""


def named(cls: type[Any] = Named) -> list[type[Any]]:
    return [each for sub in cls.__subclasses__() for each in ([sub] if issubclass(sub, Entity) else named(sub))]


ENTITIES = {cls.table.name: cls for cls in named()}


def keys_of(row: Any) -> tuple[str, str | None]:
    """What has to stand beside these names."""
    words = None
    if isinstance(row, Found):
        said = fold(" ".join(getattr(row, each) for each in row.searched))
        words = "".join(f" {word}" for word in "".join(c if c.isalnum() else " " for c in said).split())
    return sort_key(getattr(row, row.named_by))[:LONGEST], words


def shown(name: str, path: str) -> set[str]:
    """What an item of the list says of itself."""
    schemas = DOCUMENTS[name]["components"]["schemas"]
    answer = DOCUMENTS[name]["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    pages = [schemas[ref] for ref in refs(answer)]
    items = [
        schemas[ref]
        for page in pages
        if "next_cursor" in page["properties"]
        for ref in refs(page["properties"]["items"])
    ]
    return {each for item in items for each in item.get("properties", ())}


def refs(schema: dict[str, Any]) -> list[str]:
    return [
        ref.rpartition("/")[2]
        for each in (schema, schema.get("items", {}), *schema.get("anyOf", ()))
        if (ref := each.get("$ref"))
    ]


def test_every_list_of_what_has_a_name_is_sorted_by_it_and_found_by_its_words() -> None:
    have_names = {each for each in OFFERED if "name" in shown(*each) and each[1] not in NOT_BY_NAME}
    assert {*BY_NAME} == have_names | {("entitlements", "/v1/products")}
    for each in BY_NAME:
        assert {"name", "-name"} <= {*OFFERED[each]["sort"]["schema"]["enum"]}
        assert "diacritics" in OFFERED[each]["q"]["description"]
    assert {name: {*tables} for name, (_, tables) in BEFORE.items()} == {
        name: {t for t, cls in ENTITIES.items() if cls.__module__.split(".")[1] == name and t not in NEW}
        for name in BEFORE
    }


@pytest.mark.parametrize("table", sorted(ENTITIES))
@given(names=st.lists(st.sampled_from(GOLDEN) | st.text(min_size=1, max_size=200), min_size=2, max_size=4))
def test_who_gives_a_name_gives_its_keys(table: str, names: list[str]) -> None:
    cls = ENTITIES[table]
    thing = cls(**{each.name: names[0] for each in fields(cls) if each.init})
    for name in names:
        for each in {cls.named_by, *(cls.searched if issubclass(cls, Found) else ())}:
            setattr(thing, each, name)
            assert (thing.sort_key, thing.__dict__.get("words")) == keys_of(thing)


@pytest.mark.parametrize(("name", "path"), BY_NAME)
async def test_a_list_by_name_is_the_golden_list_both_ways_page_after_page(
    name: str, path: str, postgres_url: str
) -> None:
    field = FIELDS.get(path, "name")
    async with running(postgres_url, name) as h:
        if PersonState.contract.topic in h.service.replicas.topics:
            await h.learn({ANYBODY: LAN})
        if path == "/v1/views":
            # Each person has their own.
            h.bound = {role: {"person_id": ANYBODY} for role in ("admin", "manager", "engineer")}
        await add_all(h, path, field)
        by_name = await walk(h, f"{path}?sort=name&limit=9")
        falling = await walk(h, f"{path}?sort=-name&limit=20")
        found = {q: {each[field] for each in await walk(h, f"{path}?limit=200&q={quote(q)}")} for q in SEARCHED}
    assert [each[field] for each in by_name] == GOLDEN
    assert [each[field] for each in falling] == GOLDEN[::-1]
    assert found == SEARCHED


async def add_all(h: Harness, path: str, field: str) -> None:
    """Things with the names of the golden list, in no order; half of them had another name at first."""
    [route] = [each for each in routes(h.service) if each.path == path and each.methods == {"POST"}]
    assert route.body_field is not None
    schema: Any = route.body_field.field_info.annotation
    schema = schema.model_json_schema()
    known, properties = schema.get("$defs", {}), schema["properties"]
    role = min(route.allowed.roles & {"admin", "manager"} or route.allowed.roles)
    body: dict[str, Any] = {each: least(properties[each], known) for each in schema["required"]}
    body |= {each: value for each, value in MEANT.items() if each in body}
    for of, at in (("account_id", "/v1/accounts"), ("calendar_id", "/v1/depot-calendars")):
        if of in properties:
            body[of] = await _needed(h, at)
    for n, name in enumerate(Random(5).sample(GOLDEN, len(GOLDEN))):
        own = {"code": f"C{n}", "part_number": f"P{n}", "product_number": f"N{n}", "country": sorted(countries())[n]}
        own |= {"role": "engineer"} if path == "/v1/clients" else {}
        own = {each: value for each, value in own.items() if each in body}
        own |= {field: name} if field in properties else await _somebody(h, name)
        await _made(h, path, {**body, **own}, role)


async def _somebody(h: Harness, name: str) -> dict[str, str]:
    """Whoever is a person is named as the person is."""
    id = uuid4()
    await h.learn({id: LAN.model_copy(update={"name": name})})
    return {"person_id": str(id)}


async def _needed(h: Harness, path: str) -> str:
    calendar = {"name": "Lịch", "data": MEANT["data"]}
    account = {"name": "Sao Mai", "country": "VN", "time_zone": "Asia/Ho_Chi_Minh", "language": "vi"}
    return await _made(h, path, account if path == "/v1/accounts" else calendar, "manager")


async def _made(h: Harness, path: str, body: Any, role: str) -> str:
    answer = await h.post(path, body, role=role, key=str(uuid4()))
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["id"])


async def walk(h: Harness, url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = await h.get(f"{url}&cursor={cursor}" if cursor else url, role="admin")
        assert answer.status_code == 200, answer.text
        found, cursor = [*found, *answer.json()["items"]], answer.json()["next_cursor"]
    return found


@pytest.mark.parametrize("name", BEFORE)
async def test_rows_of_before_have_the_keys_that_new_ones_get(name: str, postgres_url: str) -> None:
    revision, tables = BEFORE[name]
    made = await create_service_database(postgres_url, name, prefix="names_")
    await migrate(name, made.owner_url, revision)
    owner = await asyncpg.connect(made.owner_url)
    await owner.execute("SELECT set_config('polyplus.scope', 'worker', false)")
    for table, field in tables.items():
        for n, each in enumerate(GOLDEN[::3]):
            numbers = dict.fromkeys(("code", "part_number", "product_number", "name_key"), f"X-{n}")
            await a_row(owner, table, {**numbers, field: each})
    await migrate(name, made.owner_url)
    for table, field in tables.items():
        rows = [dict(row) for row in await owner.fetch(f"SELECT * FROM {table} WHERE {field} = ANY($1)", GOLDEN)]
        assert len(rows) == len(GOLDEN[::3])
        for row in rows:
            cls: Any = ENTITIES[table]
            like_it = cls.__new__(cls)
            for each, value in row.items():
                if each not in ("sort_key", "words"):
                    setattr(like_it, each, value)
            assert (row["sort_key"], row.get("words")) == keys_of(like_it)
    await owner.close()


async def test_a_list_by_name_that_is_narrowed_is_read_from_an_index(postgres_url: str) -> None:
    owner_url, url = await service_database(postgres_url, "entitlements")
    tables = {"/v1/accounts": "country", "/v1/sites": "country account_id", "/v1/contacts": "account_id email"}
    async with listening(service("entitlements"), owner_url, url) as (harness, heard):
        await harness.empty()
        await fill("entitlements", owner_url, 20_000, [each.removeprefix("/v1/") for each in tables])
        read = [
            await read_by(Asked(path, filter, value, role, "-name"), harness, heard, limit=10, without_walks=True)
            for path, filters in tables.items()
            for filter in filters.split()
            for value in ("V1", uid(1))
            if (value == "V1") != (filter == "account_id")
            for role in ("engineer", "customer", "reseller")
        ]
        await harness.empty()
    assert [each for each in read if each.walked or each.rows > 300] == []
