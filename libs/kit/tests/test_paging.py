import base64
from datetime import UTC, date, datetime, timedelta, timezone
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from libs.kit import problems
from libs.kit.paging import Key, Page, PageParams, Paging, decode_cursor, encode_cursor, page

keys = st.lists(
    st.uuids()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
    | st.dates()
    | st.datetimes(timezones=st.just(UTC) | st.just(timezone(timedelta(hours=7)))),
    max_size=4,
).map(tuple)


def a_cursor(json_text: str) -> str:
    return base64.urlsafe_b64encode(json_text.encode()).rstrip(b"=").decode()


# What no column holds must not reach the database: it would answer 500.
BEYOND_BIGINT, NUL, SURROGATE = map(a_cursor, ("[9223372036854775808]", '[{"s":"\\u0000"}]', '[{"s":"\\ud800"}]'))


class Part(BaseModel):
    id: UUID
    number: int


PARTS = sorted((Part(id=uuid4(), number=n // 2) for n in range(7)), key=lambda part: (part.number, part.id))
app = FastAPI()
problems.install(app)


@app.get("/parts")
def list_parts(paging: Paging) -> Page[Part]:
    after = paging.after(int, UUID)
    rest = [part for part in PARTS if after is None or (part.number, part.id) > after]
    return page(rest[: paging.limit + 1], paging.limit, key=lambda part: (part.number, part.id))


def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://kit")


@given(keys)
def test_a_key_comes_back_from_its_cursor(key: Key) -> None:
    assert decode_cursor(encode_cursor(key)) == key


@given(st.text(max_size=30))
def test_text_that_is_no_cursor_is_a_bad_request(text: str) -> None:
    with pytest.raises(problems.BadRequest):
        decode_cursor(text)


def test_a_cursor_of_another_list_is_a_bad_request() -> None:
    cursor = encode_cursor((datetime.now(UTC), uuid4()))
    params = PageParams(50, cursor)
    assert params.after(datetime, UUID) is not None
    with pytest.raises(problems.BadRequest):
        params.after(int, UUID)
    with pytest.raises(problems.BadRequest):
        params.after(datetime)
    with pytest.raises(problems.BadRequest):
        params.after(date, UUID)


def test_an_instant_without_a_zone_is_no_key() -> None:
    with pytest.raises(ValueError, match="aware"):
        encode_cursor((datetime(2026, 1, 1),))  # noqa: DTZ001


async def test_following_the_cursors_visits_everything_once() -> None:
    seen: list[str] = []
    cursor: str | None = None
    async with client() as http:
        for _ in range(len(PARTS)):
            answer = await http.get("/parts", params={"limit": 3} | ({"cursor": cursor} if cursor else {}))
            body = answer.json()
            assert set(body) == {"items", "next_cursor", "etags", "counts"}
            seen += [item["id"] for item in body["items"]]
            cursor = body["next_cursor"]
            if cursor is None:
                break
    assert seen == [str(part.id) for part in PARTS]


@pytest.mark.parametrize(
    "cursor", ["x", "bnVsbA", "W10=", "W3siZiI6MX1d", "W3RydWVd", "WzEuNV0", BEYOND_BIGINT, NUL, SURROGATE, "é", ""]
)
async def test_a_bad_cursor_answers_400_as_a_problem(cursor: str) -> None:
    async with client() as http:
        answer = await http.get("/parts", params={"cursor": cursor})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("limit", [0, 201, "x"])
async def test_a_page_holds_one_to_two_hundred_items(limit: object) -> None:
    async with client() as http:
        assert (await http.get("/parts", params={"limit": str(limit)})).status_code == 422
