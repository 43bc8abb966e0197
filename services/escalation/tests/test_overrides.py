"""Who stands in is changed, removed, and kept; turns are exchanged and taken back."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.escalation.tests.builders import id_of
from tests.support.harness import Harness
from tests.support.refusals import refusal

AN, BINH, CHI, DUNG = (str(id_of(name)) for name in ("An", "Binh", "Chi", "Dung"))


def midnight(now: datetime, days: int) -> str:
    return (now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=days)).isoformat()


async def a_rota(escalation: Harness, **layers: tuple[str, ...]) -> str:
    """Each person a day from midnight to midnight in UTC; the first one in each layer has today's turn."""
    today = (await escalation.now()).date().isoformat()
    kept = [
        {
            "name": name,
            "time_zone": "UTC",
            "people": people,
            "starts_on": today,
            "hands_over_at": "00:00",
            "shift_days": 1,
        }
        for name, people in layers.items()
    ]
    made = await escalation.post("/v1/rotas", {"name": "Video", "layers": kept}, role="manager")
    assert made.status_code == 201, made.text
    return f"/v1/rotas/{made.json()['id']}"


async def stands_in(escalation: Harness, rota: str, who: str, starts: int, ends: int, **more: Any) -> httpx.Response:
    now = await escalation.now()
    body = {"person_id": who, "starts": midnight(now, starts), "ends": midnight(now, ends), "reason": "ill", **more}
    return await escalation.post(f"{rota}/overrides", body, role="engineer")


async def on_call(escalation: Harness, rota: str, days: float = 0) -> list[str]:
    at = (await escalation.now()) + timedelta(days=days)
    answer = await escalation.get(f"{rota}/on-call?at={at.astimezone(UTC).isoformat().replace('+00:00', 'Z')}")
    return [person["name"] for person in answer.json()["people"]]


async def change(escalation: Harness, path: str, body: Any, etag: str | None = None) -> httpx.Response:
    etag = etag or (await escalation.get(path)).headers["etag"]
    return await escalation.patch(path, body, etag=etag, role="engineer")


async def test_a_mistaken_override_is_removed_or_mended_in_one_layer(escalation: Harness) -> None:
    rota = await a_rota(escalation, first=(AN,), second=(BINH,))
    mistaken = await stands_in(escalation, rota, CHI, 0, 3)
    assert await on_call(escalation, rota) == ["Chi"]
    assert (await stands_in(escalation, rota, DUNG, 0, 3, layer="second")).status_code == 201
    assert await on_call(escalation, rota) == ["Chi", "Dung"]

    path = f"{rota}/overrides/{mistaken.json()['id']}"
    assert mistaken.headers["location"] == path
    removed = await escalation.request("DELETE", f"{path}?why=wrong%20person", role="engineer")
    assert removed.status_code == 204
    assert await on_call(escalation, rota) == ["An", "Dung"]
    shown = (await escalation.get(path)).json()
    assert [(each["what"], each["why"]) for each in shown["history"]] == [("removed", "wrong person")]
    assert shown["history"][0]["by"].startswith("engineer:")
    assert shown["removed_at"] == shown["history"][0]["at"]
    listed = (await escalation.get(f"{rota}/overrides")).json()["items"]
    assert {each["id"] for each in listed} > {shown["id"]}
    assert shown["id"] not in [each["id"] for each in (await escalation.get(rota)).json()["overrides"]]


async def test_an_override_is_changed_while_it_is_to_come_and_ends_once_it_has_begun(escalation: Harness) -> None:
    rota = await a_rota(escalation, first=(AN,), second=(BINH,))
    to_come = (await stands_in(escalation, rota, CHI, 1, 2)).json()
    path = f"{rota}/overrides/{to_come['id']}"
    etag = (await escalation.get(path)).headers["etag"]
    changed = await change(escalation, path, {"person_id": DUNG, "layer": "first", "replaces": AN})
    assert (changed.status_code, changed.json()["person"]["name"]) == (200, "Dung")
    assert CHI in changed.json()["history"][0]["what"]
    assert (await change(escalation, path, {"person_id": CHI}, etag)).status_code == 412
    assert await on_call(escalation, rota, 1) == ["Dung", "Binh"]
    whole = await change(escalation, path, {"layer": None, "replaces": None})
    assert (whole.json()["layer"], whole.json()["replaces"]) == (None, None)
    ends = datetime.fromisoformat(to_come["starts"])
    assert refusal(await change(escalation, path, {"ends": ends.isoformat()})) == (422, "not-a-stretch")

    await escalation.advance(timedelta(days=1))
    assert refusal(await change(escalation, path, {"person_id": BINH})) == (409, "override-has-begun")
    assert refusal(await change(escalation, path, {"ends": midnight(ends, 0)[:-6] + "+14:00"})) == (
        422,
        "not-a-stretch",
    )
    now = await escalation.now()
    assert (await change(escalation, path, {"ends": (now + timedelta(hours=1)).isoformat()})).status_code == 200
    await escalation.advance(timedelta(hours=1))
    assert await on_call(escalation, rota) == ["An", "Binh"]
    assert refusal(await change(escalation, path, {"reason": "late"})) == (409, "override-is-over")
    assert refusal(await escalation.request("DELETE", path, role="engineer")) == (409, "override-is-over")


async def test_what_has_begun_stays_on_record_until_it_is_removed(escalation: Harness) -> None:
    rota = await a_rota(escalation, first=(AN,))
    path = f"{rota}/overrides/{(await stands_in(escalation, rota, CHI, 0, 3)).json()['id']}"
    await escalation.advance(timedelta(hours=2))
    assert (await escalation.request("DELETE", path, role="engineer")).status_code == 204
    await escalation.advance(timedelta(hours=2))
    assert (await on_call(escalation, rota, -3 / 24), await on_call(escalation, rota)) == (["Chi"], ["An"])


@pytest.mark.parametrize(
    ("more", "refused"),
    [
        ({"replaces": DUNG}, "not-in-the-rota"),
        ({"replaces": BINH, "layer": "first"}, "not-in-the-rota"),
        ({"layer": "third"}, "no-such-layer"),
    ],
)
async def test_what_the_rota_has_not_is_refused(escalation: Harness, more: dict[str, str], refused: str) -> None:
    rota = await a_rota(escalation, first=(AN,), second=(BINH,))
    assert refusal(await stands_in(escalation, rota, CHI, 0, 1, **more)) == (422, refused)
    made = (await stands_in(escalation, rota, CHI, 1, 2)).json()
    assert refusal(await change(escalation, f"{rota}/overrides/{made['id']}", more)) == (422, refused)
    assert [each["id"] for each in (await escalation.get(rota)).json()["overrides"]] == [made["id"]]
    assert refusal(await stands_in(escalation, rota, str(uuid4()), 0, 1))[0] in (422, 503)


async def test_layers_have_names_of_their_own(escalation: Harness) -> None:
    layer = {"name": "first", "time_zone": "UTC", "people": [AN], "starts_on": "2026-01-01"}
    refused = await escalation.post("/v1/rotas", {"name": "R", "layers": [layer, layer]}, role="manager")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/layers")


async def swap(escalation: Harness, rota: str, *given: tuple[str, str, float]) -> httpx.Response:
    now = await escalation.now()
    turns = [
        {"person_id": who, "layer": layer, "at": (now + timedelta(days=days)).isoformat()} for who, layer, days in given
    ]
    body = {"first": turns[0], "second": turns[1], "reason": "a wedding"}
    return await escalation.post(f"{rota}/swaps", body, role="engineer")


async def week(escalation: Harness, rota: str) -> list[str]:
    return ["".join(name[0] for name in await on_call(escalation, rota, days)) for days in range(6)]


async def test_two_exchange_turns_and_take_it_back(escalation: Harness) -> None:
    rota = await a_rota(escalation, first=(AN, BINH, CHI))
    assert await week(escalation, rota) == ["A", "B", "C", "A", "B", "C"]
    swapped = await swap(escalation, rota, (BINH, "first", 1), (CHI, "first", 5))
    assert swapped.status_code == 201
    assert await week(escalation, rota) == ["A", "C", "C", "A", "B", "B"]
    halves = swapped.json()["overrides"]
    assert [(each["person"]["name"], each["replaces"]["name"]) for each in halves] == [("Chi", "Binh"), ("Binh", "Chi")]
    half = f"{rota}/overrides/{halves[0]['id']}"
    assert refusal(await escalation.request("DELETE", half, role="engineer")) == (409, "part-of-a-swap")
    assert refusal(await change(escalation, half, {"reason": "x"})) == (409, "part-of-a-swap")
    again = await swap(escalation, rota, (CHI, "first", 1), (AN, "first", 3))
    assert (again.status_code, await week(escalation, rota)) == (201, ["A", "A", "C", "C", "B", "B"])

    undo = f"{rota}/swaps/{again.json()['id']}"
    assert (await escalation.request("DELETE", undo, role="engineer")).status_code == 204
    assert await week(escalation, rota) == ["A", "C", "C", "A", "B", "B"]
    assert refusal(await escalation.request("DELETE", undo, role="engineer")) == (409, "override-is-over")
    assert (await escalation.request("DELETE", f"{rota}/swaps/{uuid4()}", role="engineer")).status_code == 404


async def test_a_swap_one_of_whose_turns_is_over_stays(escalation: Harness) -> None:
    rota = await a_rota(escalation, first=(AN, BINH))
    swapped = (await swap(escalation, rota, (AN, "first", 0), (BINH, "first", 1))).json()
    await escalation.advance(timedelta(days=1))
    undone = await escalation.request("DELETE", f"{rota}/swaps/{swapped['id']}", role="engineer")
    assert refusal(undone) == (409, "override-is-over")
    assert await on_call(escalation, rota) == ["An"]


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        (((AN, "first", 0), (AN, "first", 3)), (422, "not-their-turn")),
        (((BINH, "first", 0), (AN, "first", 3)), (422, "not-their-turn")),
        (((DUNG, "first", 0), (AN, "first", 3)), (422, "not-their-turn")),
        (((AN, "first", -1), (BINH, "first", 1)), (422, "not-their-turn")),
        (((AN, "third", 0), (BINH, "first", 1)), (422, "no-such-layer")),
        # Chi has the second layer on day 1, and would have the first one too.
        (((BINH, "first", 1), (CHI, "second", 2)), (409, "on-call-twice")),
    ],
)
async def test_a_swap_that_cannot_be_is_refused(
    escalation: Harness, given: tuple[tuple[str, str, float], tuple[str, str, float]], refused: tuple[int, str]
) -> None:
    rota = await a_rota(escalation, first=(AN, BINH), second=(DUNG, CHI, CHI))
    assert refusal(await swap(escalation, rota, *given)) == refused
    assert (await escalation.get(f"{rota}/overrides")).json()["items"] == []


async def test_an_exchange_between_layers_at_the_same_time_makes_nobody_be_on_call_twice(escalation: Harness) -> None:
    rota = await a_rota(escalation, first=(AN,), second=(BINH,))
    assert (await swap(escalation, rota, (AN, "first", 1), (BINH, "second", 1))).status_code == 201
    assert await on_call(escalation, rota, 1) == ["Binh", "An"]
