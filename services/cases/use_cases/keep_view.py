"""A view is kept, changed and removed by whoever it belongs to."""

from collections.abc import Mapping, Sequence
from typing import Annotated
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from fastapi import Response
from pydantic import Field, ValidationError

from libs.kit.auth import STAFF
from libs.kit.fields import Line
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.listing import UnknownOrder
from libs.kit.patch import New, Patch
from libs.kit.people import PersonRequired
from libs.kit.problems import Unprocessable
from libs.kit.rows import visible
from libs.store import Transaction
from libs.store.ids import new_id
from services.cases.model.queue import Queue
from services.cases.model.view import StaffRole, View, take_away
from services.cases.queries.case_list import CaseList
from services.cases.queries.views import ViewOut, views_visible_to
from services.cases.use_cases.hand_over_case import NoSuchQueue

router = Router(tags=["views"])


class NotOfTheList(Unprocessable):
    """The query of a view is one that `GET /v1/cases` takes, without `cursor`."""


class ViewFields(Command):
    name: Line
    query: Annotated[
        str, Field(max_length=2000, pattern="^[ -~]*$", description="as in an address: `assignee=me&open=true`")
    ]
    shared_with: Annotated[list[StaffRole], Field(max_length=4)] = Field(default_factory=list)
    queues: Annotated[list[Line], Field(max_length=20)] = Field(default_factory=list)
    """Codes of desks: it is found by them, and seen by whoever works on cases."""


class KeepView(New, ViewFields):
    pass


class ChangeView(Patch, ViewFields):
    pass


class CopyView(Command):
    """Under the name that it has, unless another is said."""

    name: Line | None = None


def query_of(said: str) -> str:
    """The query as the list takes it. Raises NotOfTheList."""
    pairs = parse_qsl(said.removeprefix("?"), keep_blank_values=True)
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(name, []).append(value)
    known = CaseList.model_fields.keys() - {"cursor"}
    if unknown := [name[:100] for name in given if name not in known]:
        raise NotOfTheList(f"The list of cases has no {unknown[0]!r}.", field="query", unknown=unknown[:20])
    try:
        CaseList.model_validate(_as_sent(given)).sorted_by()
    except ValidationError as error:
        wrong = sorted({str(each["loc"][0]) for each in error.errors() if each["loc"]})
        raise NotOfTheList(f"The list does not take this {' or '.join(wrong)}.", field="query", wrong=wrong) from error
    except UnknownOrder as error:
        raise NotOfTheList("The list does not take this sort.", field="query", wrong=["sort"]) from error
    return urlencode(pairs)


def _as_sent(given: Mapping[str, list[str]]) -> dict[str, object]:
    """A filter of several values gets all of them, any other the last, as a request gives them."""
    several = {name for name, field in CaseList.model_fields.items() if "list[" in str(field.annotation)}
    return {name: values if name in several else values[-1] for name, values in given.items()}


@router.post("/v1/views", dependencies=[allow(*STAFF)], status_code=201)
async def keep_view_route(cmd: KeepView, tx: Tx, caller: Caller, response: Response) -> ViewOut:
    if caller.person_id is None:
        raise PersonRequired("A view belongs to a person, and a system is none.")
    cmd.query = query_of(cmd.query)
    await _must_be_desks(cmd.queues, tx)
    view = cmd.make(View, tx, owner=caller.person_id)
    response.headers["location"] = f"/v1/views/{view.id}"
    return ViewOut.model_validate(view)


@router.patch("/v1/views/{view_id}", dependencies=[allow(*STAFF)])
async def change_view_route(view_id: UUID, cmd: ChangeView, tx: Tx, caller: Caller) -> ViewOut:
    view = await visible(View, view_id, views_visible_to(caller), tx, lock=True)
    view.must_be_of(caller.person_id, caller.role)
    if "query" in cmd.model_fields_set:
        cmd.query = query_of(cmd.query)
    if "queues" in cmd.model_fields_set:
        await _must_be_desks(cmd.queues, tx)
    cmd.apply_to(view)
    return ViewOut.model_validate(view)


@router.post("/v1/views/{view_id}/copy", dependencies=[allow(*STAFF)], status_code=201)
async def copy_view_route(view_id: UUID, cmd: CopyView, tx: Tx, caller: Caller, response: Response) -> ViewOut:
    """One of the caller's own, shared with nobody: to be changed as they like."""
    view = await visible(View, view_id, views_visible_to(caller), tx)
    if caller.person_id is None:
        raise PersonRequired("A view belongs to a person, and a system is none.")
    copy = tx.add(
        View(
            id=new_id(),
            name=cmd.name or view.name,
            query=view.query,
            shared_with=[],
            owner=caller.person_id,
            created_at=tx.now,
        )
    )
    response.headers["location"] = f"/v1/views/{copy.id}"
    return ViewOut.model_validate(copy)


async def _must_be_desks(codes: Sequence[str], tx: Transaction) -> None:
    """Raises NoSuchQueue."""
    known = {queue.code for queue in await tx.select(Queue, Queue.c.code.in_(codes))} if codes else set()
    if unknown := [code for code in codes if code not in known]:
        raise NoSuchQueue("There is no such queue.", field="queues", unknown=unknown)


@router.delete("/v1/views/{view_id}", status_code=204, dependencies=[allow(*STAFF)])
async def remove_view_route(view_id: UUID, tx: Tx, caller: Caller) -> None:
    view = await visible(View, view_id, views_visible_to(caller), tx, lock=True)
    view.must_be_of(caller.person_id, caller.role)
    take_away(view, tx)
