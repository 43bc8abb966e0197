"""Who is at the desk, with what they carry now."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from pydantic import TypeAdapter

from libs.kit.auth import ENGINEERS
from libs.kit.listing import contains
from libs.kit.rows import Rows
from libs.store import Transaction
from services.escalation.model.absence import back_at
from services.escalation.model.case_file import CaseFile, whose
from services.escalation.model.desk_member import Candidate, DeskMember, Need
from services.escalation.model.proposal import Proposal
from services.escalation.model.settings import EscalationSettings
from services.escalation.queries.absences import absences_of
from services.escalation.queries.our_people import known
from services.escalation.queries.rosters import EVER

_WORKED = CaseFile.c.state.in_(("open", "assessing"))
_IDS = TypeAdapter(list[UUID])
_MOST = 2000
"""So many waiting cases of a queue are looked at."""


@dataclass(frozen=True)
class Waiting:
    """A case that waits for somebody, as far as choosing needs it."""

    id: UUID
    queued_at: datetime
    decided: bool
    need: Need


def theirs(ids: Collection[UUID]) -> Rows:
    """Open cases that are these people's, or are about to be."""
    return [whose.in_([str(id) for id in ids]), _WORKED]


async def members_of(queue: str, tx: Transaction) -> Sequence[DeskMember]:
    """Who is given what stands in a queue."""
    return await tx.select(DeskMember, DeskMember.c.active, contains(DeskMember.c.queues, [queue]))


async def candidates(members: Sequence[DeskMember], settings: EscalationSettings, tx: Transaction) -> list[Candidate]:
    """Each as they are now, in the order given."""
    ids = [each.person_id for each in members]
    if not ids:
        return []
    people = await known(ids, tx)
    away = await absences_of(ids, tx, tx.now, EVER)
    loads, given = await _loads(ids, settings, tx), await _given(ids, tx)
    found = []
    for member in members:
        id, who = member.person_id, people.get(member.person_id)
        here = bool(who and not who.gone and who.active and ENGINEERS & {*(who.roles or ())})
        capacity = settings.capacity if member.capacity is None else member.capacity
        load, cases = loads[id]
        back = back_at(away, id, tx.now)
        found.append(Candidate(member, here, capacity, load, cases, given.get(id), back))
    return found


async def _loads(ids: Collection[UUID], settings: EscalationSettings, tx: Transaction) -> dict[UUID, tuple[int, int]]:
    """What their open cases weigh, and how many they are."""
    counted = (
        sa.select(whose.label("who"), CaseFile.c.priority, CaseFile.c.waiting, sa.func.count().label("cases"))
        .where(*theirs(ids))
        .group_by(sa.text("1, 2, 3"))
    )
    found = defaultdict[UUID, tuple[int, int]](lambda: (0, 0))
    for row in await tx.fetch(counted):
        load, cases = found[UUID(row["who"])]
        weight = settings.weights.of(row["priority"] or "P4", waiting=row["waiting"])
        found[UUID(row["who"])] = load + weight * row["cases"], cases + row["cases"]
    return found


async def _given(ids: Sequence[UUID], tx: Transaction) -> dict[UUID, datetime]:
    """When a case was last proposed to each."""
    each = sa.select(sa.func.unnest(sa.cast(list(ids), sa.ARRAY(sa.Uuid()))).label("person_id")).subquery()
    last = sa.select(sa.func.max(Proposal.c.proposed_at)).where(Proposal.c.person_id == each.c.person_id)
    query = sa.select(each.c.person_id.label("id"), last.correlate(each).scalar_subquery().label("at"))
    return {row["id"]: row["at"] for row in await tx.fetch(query) if row["at"]}


def need_of(case: CaseFile, settings: EscalationSettings) -> Need:
    """What this case calls for."""
    weight = settings.weights.of(case.priority or "P4", waiting=case.waiting)
    return Need(case.queue or "", weight, case.family, case.language, frozenset(case.passed_over))


async def waiting_in(queue: str, settings: EscalationSettings, tx: Transaction) -> list[Waiting]:
    """The most urgent first, then who has waited longest."""
    columns = ("id", "priority", "queued_at", "coverage_revision", "family", "language", "passed_over")
    nobody = CaseFile.c.assignee["person_id"].astext.is_(None)
    query = sa.select(*(CaseFile.c[name] for name in columns)).where(
        CaseFile.c.queue == queue,
        CaseFile.c.state == "open",
        ~CaseFile.c.waiting,
        nobody,
        CaseFile.c.proposed.is_(None),
    )
    rows = await tx.fetch(query.order_by(CaseFile.c.priority, CaseFile.c.queued_at, CaseFile.c.id).limit(_MOST))
    return [
        Waiting(
            row["id"],
            row["queued_at"],
            row["coverage_revision"] > 0,
            Need(
                queue,
                settings.weights.of(row["priority"], waiting=False),
                row["family"],
                row["language"],
                frozenset(_IDS.validate_json(row["passed_over"])),
            ),
        )
        for row in rows
    ]
