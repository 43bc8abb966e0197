"""What HTTP asks of every path, whatever its routes are about."""

import pytest

from libs.kit.tests.conftest import Api


async def test_what_was_made_is_where_the_answer_says_with_the_etag_it_says(api: Api) -> None:
    made = await api.make("a")
    where = made.headers["location"]
    assert where == f"/v1/parcels/{made.json()['id']}"
    read = await api.http.get(where, headers=api.headers())
    assert (read.json(), read.headers["etag"]) == (made.json(), made.headers["etag"])
    changed = await api.http.patch(
        where, json={"name": "a", "weight": 2}, headers=api.headers(**{"if-match": made.headers["etag"]})
    )
    assert changed.status_code == 200
    assert changed.headers["etag"] != made.headers["etag"]


async def test_a_repeated_request_is_told_the_same_place_and_etag(api: Api) -> None:
    first, again = await api.make("a", key="k1"), await api.make("a", key="k1")
    assert again.headers["idempotent-replayed"] == "true"
    for name in ("location", "etag"):
        assert again.headers[name] == first.headers[name]


async def test_head_says_what_get_says(api: Api) -> None:
    where = (await api.make("a")).headers["location"]
    for path in (where, "/v1/parcels/00000000-0000-0000-0000-000000000001", "/v1/parcels-policies"):
        get, head = [await api.http.request(method, path, headers=api.headers()) for method in ("GET", "HEAD")]
        assert head.status_code == get.status_code
        told = [{k: v for k, v in each.headers.items() if k != "x-request-id"} for each in (head, get)]
        assert told[0] == told[1]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/parcels", "OPTIONS, POST"),
        ("/v1/parcels/{id}", "GET, HEAD, OPTIONS, PATCH"),
        ("/v1/parcels-policies", "GET, HEAD, OPTIONS, POST"),
    ],
)
async def test_a_path_says_all_that_it_takes(api: Api, path: str, allowed: str) -> None:
    path = path.format(id=(await api.make("a")).json()["id"])
    options = await api.http.options(path, headers=api.headers())
    assert (options.status_code, options.headers["allow"], options.content) == (204, allowed, b"")
    refused = await api.http.delete(path, headers=api.headers())
    assert (refused.status_code, refused.headers["allow"]) == (405, allowed)
    assert refused.json()["allowed"] == allowed.split(", ")
    assert (await api.http.options("/v1/nothing", headers=api.headers())).status_code == 404


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json"]
)
async def test_a_body_that_is_not_json_is_no_body_for_a_command(api: Api, kind: str | None) -> None:
    headers = api.headers(**({"content-type": kind} if kind else {}))
    refused = await api.http.post("/v1/parcels", content=b'{"name": "a"}', headers=headers)
    assert (refused.status_code, refused.headers["accept"]) == (415, "application/json")
    assert await api.count("parcels") == 0


@pytest.mark.parametrize("kind", ["Application/JSON; charset=utf-8", "application/merge-patch+json"])
async def test_json_by_any_of_its_names_is_taken(api: Api, kind: str) -> None:
    headers = api.headers(**{"content-type": kind})
    assert (await api.http.post("/v1/parcels", content=b'{"name": "a"}', headers=headers)).status_code == 201
