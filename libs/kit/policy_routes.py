"""The routes of a service's policies: `policy_router(policies)` serves `/v1/rma-policies`."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import pydantic_core
from pydantic import BaseModel, ValidationError
from uuid_utils.compat import uuid7

from libs.events.values import CountryCode
from libs.kit.auth import ENGINEERS, MANAGERS
from libs.kit.fields import Reason, Word
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.paging import Page, Paging, page
from libs.kit.policies import Policies
from libs.kit.problems import Unprocessable
from libs.store import Transaction

_LIST = """
SELECT * FROM policies
 WHERE ($1::text IS NULL OR plan = $1) AND ($2::text IS NULL OR region = $2) AND ($3::text IS NULL OR severity = $3)
   AND ($4::bigint IS NULL OR number < $4)
 ORDER BY number DESC LIMIT $5
"""
# Or two changes at once would both stay open; readers go on.
_ALONE = "LOCK TABLE policies IN SHARE ROW EXCLUSIVE MODE"
_END = """
UPDATE policies SET valid_to = $4 WHERE valid_to IS NULL
   AND (plan, region, severity) IS NOT DISTINCT FROM ($1::text, $2::text, $3::text)
"""
_ADD = """
INSERT INTO policies (id, plan, region, severity, valid_from, settings, who, why) VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7, $8)
RETURNING *
"""


class InvalidPolicy(Unprocessable):
    title = "Not a valid policy"


class ChangePolicy(Command):
    """A new version. `settings` holds the fields to override; an empty one returns to the defaults."""

    plan: Word | None = None
    region: CountryCode | None = None
    severity: Word | None = None
    settings: dict[str, Any]
    why: Reason


class PolicyVersion(BaseModel):
    """A version as it is kept: from–to, who, why."""

    id: UUID
    number: int
    plan: str | None
    region: str | None
    severity: str | None
    valid_from: datetime
    valid_to: datetime | None
    settings: dict[str, Any]
    who: str
    why: str


class PolicyPage(Page[PolicyVersion]):
    """Versions, the newest first, and what holds where none says otherwise."""

    defaults: dict[str, Any]


def policy_router(
    policies: Policies[Any], *, changed: Callable[[Transaction], Awaitable[None]] | None = None
) -> Router:
    """The routes to read the versions and to make a new one.

    `changed` runs in the transaction of every change, after it: what a service has under way can follow the new numbers.
    """
    router, service = Router(tags=["policies"]), policies.service
    path = f"/v1/{service}-policies"

    async def list_versions(
        tx: Tx,
        paging: Paging,
        plan: Word | None = None,
        region: CountryCode | None = None,
        severity: Word | None = None,
    ) -> PolicyPage:
        """The newest first; `plan`, `region` and `severity` keep the versions that name them."""
        after = paging.after(int)
        rows = await tx.connection.fetch(_LIST, plan, region, severity, after and after[0], paging.limit + 1)
        found = page([_version(row) for row in rows], paging.limit, key=lambda version: (version.number,))
        return PolicyPage(defaults=policies.model().model_dump(mode="json"), **dict(found))

    async def change(command: ChangePolicy, tx: Tx, caller: Caller) -> PolicyVersion:
        _check(policies, command.settings)
        selectors = (command.plan, command.region, command.severity)
        await tx.connection.execute(_ALONE)
        await tx.connection.execute(_END, *selectors, tx.now)
        settings = pydantic_core.to_json(command.settings).decode()
        row = await tx.connection.fetchrow(_ADD, uuid7(), *selectors, tx.now, settings, caller.actor, command.why)
        tx.note_changed_reference()
        if changed:
            await changed(tx)
        return _version(row)

    router.add_api_route(
        path, list_versions, methods=["GET"], dependencies=[allow(*ENGINEERS)], name=f"list_{service}_policies"
    )
    router.add_api_route(
        path, change, methods=["POST"], dependencies=[allow(*MANAGERS)], status_code=201,
        name=f"change_{service}_policies",
    )  # fmt: skip
    return router


def _check(policies: Policies[Any], settings: dict[str, Any]) -> None:
    """Raises InvalidPolicy."""
    known = policies.model.model_fields
    if unknown := set(settings) - set(known):
        raise InvalidPolicy("There are no such settings.", unknown=sorted(unknown), known=sorted(known))
    try:
        policies.sent.model_validate(settings)
    except ValidationError as error:
        raise InvalidPolicy(
            "A setting has a value it cannot have.", errors=error.errors(include_url=False, include_context=False)
        ) from None


def _version(row: Any) -> PolicyVersion:
    return PolicyVersion.model_validate({**row, "settings": pydantic_core.from_json(row["settings"])})
