"""Policies: the numbers that the business may change at run time, as versioned data with who and why.

A service describes its policy as one pydantic model whose defaults are the seeded values. A stored version overrides some of its
fields, for everybody or for a plan, a region (country code) or a severity; the more of these a version names, the more it weighs.
Versions are never changed: a newer one for the same selectors ends the one before.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

import pydantic_core
from pydantic import BaseModel, ValidationError
from uuid_utils.compat import uuid7

from libs.events.values import CountryCode
from libs.kit.fields import Reason, Word
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.paging import Page, Paging, page
from libs.kit.problems import Unprocessable
from libs.store import Reference, Transaction

P = TypeVar("P", bound=BaseModel)
_ALL = """
SELECT number, plan, region, severity, valid_from, valid_to, settings FROM policies
 ORDER BY (plan IS NOT NULL)::int + (region IS NOT NULL)::int + (severity IS NOT NULL)::int, number
"""
_LIST = """
SELECT * FROM policies
 WHERE ($1::text IS NULL OR plan = $1) AND ($2::text IS NULL OR region = $2) AND ($3::text IS NULL OR severity = $3)
   AND ($4::bigint IS NULL OR number < $4)
 ORDER BY number DESC LIMIT $5
"""
_ALONE = "LOCK TABLE policies IN SHARE ROW EXCLUSIVE MODE"  # or two changes at once would both stay open; readers go on
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


class Since(NamedTuple):
    """A version's number, and the instant it came into force."""

    number: int
    valid_from: datetime


class _Row(NamedTuple):
    number: int
    selectors: tuple[str | None, str | None, str | None]  # plan, region, severity; None: any
    valid_from: datetime
    valid_to: datetime | None
    settings: dict[str, Any]

    def holds(self, wanted: tuple[str | None, str | None, str | None], at: datetime) -> bool:
        fits = all(named is None or named == want for named, want in zip(self.selectors, wanted, strict=True))
        return fits and self.valid_from <= at and (self.valid_to is None or at < self.valid_to)


class _Kept(NamedTuple, Generic[P]):
    """All versions, those that weigh more later, and what was made of them, by their numbers."""

    rows: list[_Row]
    models: dict[tuple[int, ...], P]


class Policies(Generic[P]):
    """`policies = Policies("rma", RmaPolicy)`; `policies.router` serves `/v1/rma-policies`; `await policies.at(tx, plan=…)` reads.

    `sent` is the model of new settings where they are held to more than `model`, which has to read all that was ever taken.
    `changed` runs in the transaction of every change, after it: what a service has under way can follow the new numbers.
    """

    def __init__(
        self,
        service: str,
        model: type[P],
        *,
        sent: type[P] | None = None,
        changed: Callable[[Transaction], Awaitable[None]] | None = None,
    ) -> None:
        self.service, self.model, self.sent, self._changed = service, model, sent or model, changed
        self._kept: Reference[_Kept[P]] = Reference(_read)
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
        kept = await self._kept(tx)
        wanted = (plan, region, severity)
        held = tuple(row for row in kept.rows if row.holds(wanted, when or tx.now))
        numbers = tuple(row.number for row in held)
        if numbers not in kept.models:
            merged = {name: value for row in held for name, value in row.settings.items()}
            kept.models[numbers] = self.model.model_validate(merged)
        return kept.models[numbers]

    async def versions(self, tx: Transaction) -> list[Since]:
        """Every version for any selectors that is or has been in force, in the order they came."""
        rows = (await self._kept(tx)).rows
        return sorted((Since(r.number, r.valid_from) for r in rows if r.valid_from <= tx.now), key=lambda s: s[::-1])

    async def _list(
        self, tx: Tx, paging: Paging, plan: Word | None = None, region: CountryCode | None = None, severity: Word | None = None,
    ) -> PolicyPage:  # fmt: skip
        """The newest first; `plan`, `region` and `severity` keep the versions that name them."""
        after = paging.after(int)
        rows = await tx.connection.fetch(_LIST, plan, region, severity, after and after[0], paging.limit + 1)
        found = page([_version(row) for row in rows], paging.limit, key=lambda version: (version.number,))
        return PolicyPage(defaults=self.model().model_dump(mode="json"), **dict(found))

    async def _change(self, command: ChangePolicy, tx: Tx, caller: Caller) -> PolicyVersion:
        unknown = set(command.settings) - set(self.model.model_fields)
        if unknown:
            raise InvalidPolicy(
                "There are no such settings.", unknown=sorted(unknown), known=sorted(self.model.model_fields)
            )
        try:
            self.sent.model_validate(command.settings)
        except ValidationError as error:
            raise InvalidPolicy(
                "A setting has a value it cannot have.", errors=error.errors(include_url=False, include_context=False)
            ) from None
        selectors = (command.plan, command.region, command.severity)
        await tx.connection.execute(_ALONE)
        await tx.connection.execute(_END, *selectors, tx.now)
        settings = pydantic_core.to_json(command.settings).decode()
        row = await tx.connection.fetchrow(_ADD, uuid7(), *selectors, tx.now, settings, caller.scope.actor, command.why)
        tx.changed_reference = True
        if self._changed:
            await self._changed(tx)
        return _version(row)


async def _read(tx: Transaction) -> _Kept[Any]:
    rows = [
        _Row(number, (plan, region, severity), since, until, pydantic_core.from_json(settings))
        for number, plan, region, severity, since, until, settings in await tx.connection.fetch(_ALL)
    ]
    return _Kept(rows, {})


def _version(row: Any) -> PolicyVersion:
    return PolicyVersion.model_validate({**row, "settings": pydantic_core.from_json(row["settings"])})
