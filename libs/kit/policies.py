"""Policies: the numbers that the business may change at run time, as versioned data with who and why.

A service describes its policy as one pydantic model whose defaults are the seeded values. A stored version overrides some of its
fields, for everybody or for a plan, a region (country code) or a severity; the more of these a version names, the more it weighs.
Versions are never changed: a newer one for the same selectors ends the one before.
"""

from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import pydantic_core
from pydantic import BaseModel, Field, ValidationError
from uuid_utils.compat import uuid7

from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.problems import Unprocessable
from libs.store import Transaction

P = TypeVar("P", bound=BaseModel)
_CURRENT = """
SELECT settings FROM policies
 WHERE valid_from <= $1 AND (valid_to IS NULL OR valid_to > $1)
   AND (plan IS NULL OR plan = $2) AND (region IS NULL OR region = $3) AND (severity IS NULL OR severity = $4)
 ORDER BY (plan IS NOT NULL)::int + (region IS NOT NULL)::int + (severity IS NOT NULL)::int, number
"""
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

    plan: str | None = None
    region: str | None = Field(None, pattern="^[A-Z]{2}$")
    severity: str | None = None
    settings: dict[str, Any]
    why: str = Field(min_length=3)


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


class PolicyPage(BaseModel):
    defaults: dict[str, Any]
    items: list[PolicyVersion]
    next_cursor: str | None = None


class Policies(Generic[P]):
    """`policies = Policies("rma", RmaPolicy)`; `policies.router` serves `/v1/rma-policies`; `await policies.at(tx, plan=…)` reads."""

    def __init__(self, service: str, model: type[P]) -> None:
        self.service, self.model = service, model
        self.router = Router(tags=["policies"])
        path = f"/v1/{service}-policies"
        self.router.add_api_route(
            path, self._list, methods=["GET"], dependencies=[allow("manager", "admin", "engineer")],
            response_model=PolicyPage, name=f"list_{service}_policies",
        )  # fmt: skip
        self.router.add_api_route(
            path, self._change, methods=["POST"], dependencies=[allow("manager", "admin")],
            response_model=PolicyVersion, status_code=201, name=f"change_{service}_policies",
        )  # fmt: skip

    async def at(
        self, tx: Transaction, *, plan: str | None = None, region: str | None = None, severity: str | None = None,
        when: datetime | None = None,
    ) -> P:  # fmt: skip
        """The policy in force at `when` (now, unless told) for these selectors."""
        merged: dict[str, Any] = {}
        for row in await tx.connection.fetch(_CURRENT, when or tx.now, plan, region, severity):
            merged.update(pydantic_core.from_json(row["settings"]))
        return self.model.model_validate(merged)

    async def _list(self, tx: Tx) -> PolicyPage:
        rows = await tx.connection.fetch("SELECT * FROM policies ORDER BY number DESC LIMIT 200")
        return PolicyPage(defaults=self.model().model_dump(mode="json"), items=[_version(row) for row in rows])

    async def _change(self, command: ChangePolicy, tx: Tx, caller: Caller) -> PolicyVersion:
        unknown = set(command.settings) - set(self.model.model_fields)
        if unknown:
            raise InvalidPolicy(
                "There are no such settings.", unknown=sorted(unknown), known=sorted(self.model.model_fields)
            )
        try:
            self.model.model_validate(command.settings)
        except ValidationError as error:
            raise InvalidPolicy(
                "A setting has a value it cannot have.", errors=error.errors(include_url=False, include_context=False)
            ) from None
        selectors = (command.plan, command.region, command.severity)
        await tx.connection.execute(_END, *selectors, tx.now)
        settings = pydantic_core.to_json(command.settings).decode()
        row = await tx.connection.fetchrow(_ADD, uuid7(), *selectors, tx.now, settings, caller.scope.actor, command.why)
        return _version(row)


def _version(row: Any) -> PolicyVersion:
    return PolicyVersion.model_validate({**row, "settings": pydantic_core.from_json(row["settings"])})
