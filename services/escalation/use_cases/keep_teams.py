"""Teams: who is told together, and who service management is."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, HttpUrl

from libs.kit.auth import MANAGERS
from libs.kit.fields import Line
from libs.kit.http import Command, Router, Tx, allow
from libs.kit.outgoing import AddressRefused, check_url
from libs.kit.patch import New, Patch
from services.escalation.model.people import Team
from services.escalation.queries.our_people import must_be_ours
from services.escalation.queries.people import TeamOut, team_out

router = Router(tags=["people"])


def _public(url: str) -> str:
    try:
        check_url(url, field="webhook_url", query=True)
    except AddressRefused as refusal:
        raise ValueError(refusal.detail) from None
    return url


WebhookUrl = Annotated[HttpUrl, AfterValidator(str), AfterValidator(_public)]


class TeamFields(Command):
    name: Line
    purpose: Literal["service_management"] | None = None
    members: Annotated[list[UUID], Field(max_length=200)]
    webhook_url: WebhookUrl | None = None


class CreateTeam(New, TeamFields):
    """People who are told together."""


class ChangeTeam(Patch, TeamFields):
    """Who is told together from now on."""


@router.post("/v1/teams", status_code=201, dependencies=[allow(*MANAGERS)])
async def create_team_route(cmd: CreateTeam, tx: Tx) -> TeamOut:
    await must_be_ours(cmd.members, tx, "members")
    return await team_out(cmd.make(Team, tx), tx)


@router.patch("/v1/teams/{team_id}", dependencies=[allow(*MANAGERS)])
async def change_team_route(team_id: UUID, cmd: ChangeTeam, tx: Tx) -> TeamOut:
    await must_be_ours(cmd.members or (), tx, "members")
    team = await Team.get(team_id, tx, lock=True)
    cmd.apply_to(team)
    return await team_out(team, tx)
