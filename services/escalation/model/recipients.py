"""Who is told of a breach or called by a step, as it is at that instant: nobody downstream has to ask who was on call."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.escalation.model.case_file import CaseFile
from services.escalation.model.escalation_policy import Call
from services.escalation.model.people import Addressee, Team
from services.escalation.model.roster import Roster
from services.escalation.model.settings import EscalationSettings


@dataclass(frozen=True)
class PhoneBook:
    """Everybody who can be called at one instant: the duty managers' rotas, service management's teams, and the rotas and
    teams that a step names."""

    at: datetime
    duty_managers: list[Roster]
    service_management: list[Team]
    rotas: dict[UUID, Roster] = field(default_factory=dict)
    teams: dict[UUID, Team] = field(default_factory=dict)
    erased: frozenset[UUID] = frozenset()
    """Who is forgotten: nobody can call them."""

    def without_erased(self, recipients: list[Addressee]) -> list[Addressee]:
        """Those who can be called."""
        return [each for each in recipients if each.person_id not in self.erased]


def told_of_breach(case: CaseFile, settings: EscalationSettings, book: PhoneBook) -> list[Addressee]:
    """The duty managers, the case's assignee, and always service management (S24); each once."""
    found = book.without_erased(_duty_managers(book) + _assignee(case))
    return each_once(found + service_management(settings, book))


def called_by_step(
    case: CaseFile, calls: tuple[Call, ...], settings: EscalationSettings, book: PhoneBook
) -> list[Addressee]:
    """Whom these calls reach, and always service management; each once. A rota or team that is gone reaches nobody."""
    return each_once(_named(case, calls, book) + service_management(settings, book))


def reaches_nobody(case: CaseFile, calls: tuple[Call, ...], book: PhoneBook) -> bool:
    """Whether none of these calls reaches a person or a team's webhook: nobody on call, no assignee, an empty team."""
    found = _named(case, calls, book)
    named = any(call.kind == "service_management" for call in calls)
    return not named and not any(each.person_id or each.id in book.teams for each in found)


def _named(case: CaseFile, calls: tuple[Call, ...], book: PhoneBook) -> list[Addressee]:
    found: list[Addressee] = []
    for call in calls:
        match call.kind:
            case "duty_manager":
                found += _duty_managers(book)
            case "assignee":
                found += _assignee(case)
            case "rota" if call.id and (rota := book.rotas.get(call.id)):
                found += rota.recipients(book.at)
            case "team" if call.id and (team := book.teams.get(call.id)):
                found += team.recipients()
            case "person" if call.id:
                found.append(Addressee(kind="on_call", id=call.id))
    return book.without_erased(found)


def told_of_join(holder: UUID | None, settings: EscalationSettings, book: PhoneBook) -> list[Addressee]:
    """Whoever holds an escalation, where it is a person, and service management; each once."""
    held = [Addressee(kind="holder", id=holder)] if holder else []
    return each_once(book.without_erased(held) + service_management(settings, book))


def told_unanswered(admins: list[UUID], settings: EscalationSettings, book: PhoneBook) -> list[Addressee]:
    """Service management, and the admins; each once."""
    return each_once(service_management(settings, book) + [Addressee(kind="admin", id=id) for id in admins])


def service_management(settings: EscalationSettings, book: PhoneBook) -> list[Addressee]:
    """Service management's teams, each member once; the address of the settings while no team has a member who can be called."""
    members = [recipient for team in book.service_management for recipient in team.recipients()]
    known = each_once(book.without_erased(members))
    if any(recipient.kind == "service_management" for recipient in known):
        return known
    name, address = settings.service_management_name, settings.service_management_address
    return [*known, Addressee(kind="service_management", name=name, address=address)]


def _duty_managers(book: PhoneBook) -> list[Addressee]:
    return [recipient for rota in book.duty_managers for recipient in rota.recipients(book.at)]


def _assignee(case: CaseFile) -> list[Addressee]:
    if case.assignee is None or case.assignee.person_id is None:
        return []
    return [Addressee(kind="assignee", id=case.assignee.person_id)]


def each_once(recipients: list[Addressee]) -> list[Addressee]:
    """Nobody is named twice, whatever for: a duty manager who is of service management too is called as the first of the two."""
    named: dict[object, Addressee] = {}
    for each in recipients:
        named.setdefault(each.id or (each.address, each.name), each)
    return list(named.values())
