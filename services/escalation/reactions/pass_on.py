"""Somebody whom we call has left: their turns, their places in teams and escalations and what they hold are the successor's."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import sqlalchemy as sa

from libs.events.escalation import EscalationHandedOver, ExpertEngaged
from libs.kit.listing import contains
from libs.kit.people import successor_of
from libs.store import Transaction
from services.escalation.model.desk_member import DeskMember
from services.escalation.model.escalation import NOT_OVER, SUCCESSION, Escalation
from services.escalation.model.escalation_policy import EscalationPolicy
from services.escalation.model.expert import Expert
from services.escalation.model.known_person import KnownPerson
from services.escalation.model.override import Override
from services.escalation.model.people import Team
from services.escalation.model.rota import Rota
from services.escalation.reactions.step_on import watch_for_silence


async def pass_on_later(ids: Sequence[UUID], tx: Transaction) -> None:
    """People are other than before: whatever names one who has left with a successor is changed by a timer of its own."""
    left = KnownPerson.c.id.in_(ids), KnownPerson.c.active.is_(False), KnownPerson.c.successor_id.is_not(None)
    gone = {record["id"] for record in await tx.fetch(sa.select(KnownPerson.c.id).where(*left))}
    if not gone:
        return
    turns = [contains(Rota.c.layers, [{"people": [str(id)]}]) for id in gone]
    stand_ins = sa.select(Override.c.rota_id).where(
        Override.c.ends > tx.now, sa.or_(Override.c.person_id.in_(gone), Override.c.replaces.in_(gone))
    )
    for rota in await tx.select(Rota, sa.or_(*turns, Rota.c.id.in_(stand_ins))):
        tx.set_timer(rota, SUCCESSION, tx.now)
    for team in await tx.select(Team, sa.or_(*(contains(Team.c.members, [str(id)]) for id in gone))):
        tx.set_timer(team, SUCCESSION, tx.now)
    steps = [contains(EscalationPolicy.c.steps, [{"calls": [{"kind": "person", "id": str(id)}]}]) for id in gone]
    for policy in await tx.select(EscalationPolicy, sa.or_(*steps)):
        tx.set_timer(policy, SUCCESSION, tx.now)
    for expert in await tx.select(Expert, Expert.c.person_id.in_(gone), Expert.c.active):
        tx.set_timer(expert, SUCCESSION, tx.now)
    for member in await tx.select(DeskMember, DeskMember.c.person_id.in_(gone), DeskMember.c.active):
        tx.set_timer(member, SUCCESSION, tx.now)
    for escalation in await tx.select(Escalation, Escalation.c.state.in_(NOT_OVER)):
        if escalation.held_by in gone or gone & {*escalation.invited}:
            tx.set_timer(escalation, SUCCESSION, tx.now)


async def pass_on_turns(rota: Rota, tx: Transaction, _detail: str) -> None:
    """The coming turns, and where they stand in, are the successor's."""
    overrides = await tx.select(Override, Override.c.rota_id == rota.id, Override.c.ends > tx.now, lock=True)
    named = [id for each in overrides for id in (each.person_id, each.replaces) if id]
    successors = await _successors([*rota.people, *named], tx)
    rota.pass_on(successors)
    for each in overrides:
        each.pass_on(successors, tx.now, tx.scope.actor)


async def pass_on_place(team: Team, tx: Transaction, _detail: str) -> None:
    """The successor is told in their place."""
    successors = await _successors(team.members, tx)
    team.members = list(dict.fromkeys(successors.get(id, id) for id in team.members))


async def pass_on_calls(policy: EscalationPolicy, tx: Transaction, _detail: str) -> None:
    """The successor is called by what is raised from now on."""
    successors = await _successors([id for step in policy.steps for id in step.people], tx)
    policy.steps = [step.pass_on(successors) for step in policy.steps]


async def retire_expert(expert: Expert, tx: Transaction, _detail: str) -> None:
    """What one knows is not the successor's: nobody is asked any more."""
    if expert.person_id and await successor_of(KnownPerson, expert.person_id, tx):
        expert.active = False


async def pass_on_escalation(escalation: Escalation, tx: Transaction, _detail: str) -> None:
    """The successor answers for it from now on, and joins it where the expert who has left was to."""
    _pass_on_places(escalation, await _successors(escalation.invited, tx), tx)
    successor = await successor_of(KnownPerson, escalation.held_by, tx) if escalation.held_by else None
    previous = escalation.pass_on(successor, tx.now) if successor else None
    if successor is None or previous is None:
        return
    watch_for_silence(escalation, tx)
    tx.emit(
        EscalationHandedOver(
            **escalation.ids,
            person_id=successor,
            previous_person_id=previous,
            note="whoever held it has left",
            by="system:escalation",
            handed_over_at=tx.now,
        )
    )


def _pass_on_places(escalation: Escalation, successors: Mapping[UUID, UUID], tx: Transaction) -> None:
    for place in escalation.pass_on_places(successors, tx.now):
        tx.emit(
            ExpertEngaged(
                **escalation.ids,
                expert_id=place.expert_id,
                person_id=place.person_id,
                skills=place.skills,
                reason="whoever was invited has left",
                by="system:escalation",
                engaged_at=tx.now,
            )
        )


async def _successors(ids: Sequence[UUID], tx: Transaction) -> dict[UUID, UUID]:
    """Of those of them who have left."""
    found = {id: await successor_of(KnownPerson, id, tx) for id in dict.fromkeys(ids)}
    return {id: successor for id, successor in found.items() if successor}
