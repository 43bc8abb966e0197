"""Teams: who is told together, and who service management is."""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, HttpUrl

from libs.kit.auth import MANAGERS
from libs.kit.fields import Line
from libs.kit.http import Command, Router, Tx, allow
from libs.kit.outgoing import AddressRefused, check_url
from services.escalation.model.people import NewPerson, Team
from services.escalation.queries.people import TeamOut
from services.escalation.use_cases.revise import Revision, made, revise

router = Router(tags=["people"])


def _public(url: str) -> str:
    try:
        check_url(url, field="webhook_url", query=True)
    except AddressRefused as refusal:
        raise ValueError(refusal.detail) from None
    return url


WebhookUrl = Annotated[HttpUrl, AfterValidator(str), AfterValidator(_public)]
Members = Annotated[list[NewPerson], Field(max_length=200)]


class AddTeam(Command):
    name: Line
    purpose: Literal["service_management"] | None = None
    members: Members
    webhook_url: WebhookUrl | None = None


class ReviseTeam(Revision):
    clearable: ClassVar[frozenset[str]] = frozenset({"purpose", "webhook_url"})

    name: Line | None = None
    purpose: Literal["service_management"] | None = None
    members: Members | None = None
    webhook_url: WebhookUrl | None = None


@router.post("/v1/teams", status_code=201, dependencies=[allow(*MANAGERS)])
async def add_team(cmd: AddTeam, tx: Tx) -> TeamOut:
    return TeamOut.model_validate(tx.add(made(Team, cmd)))


@router.patch("/v1/teams/{team_id}", dependencies=[allow(*MANAGERS)])
async def revise_team(team_id: UUID, cmd: ReviseTeam, tx: Tx) -> TeamOut:
    team = await Team.get(team_id, tx, lock=True)
    revise(team, cmd)
    return TeamOut.model_validate(team)
