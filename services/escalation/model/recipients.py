"""Who is to be told, as people with addresses, at the instant it happens: nobody downstream has to ask who was on call."""

from libs.events.values import Recipient
from libs.store import Transaction
from services.escalation.model.case_file import CaseFile
from services.escalation.model.escalation_policy import Call
from services.escalation.model.people import Team
from services.escalation.model.rota import Rota
from services.escalation.model.settings import EscalationSettings


async def told_of_breach(case: CaseFile, settings: EscalationSettings, tx: Transaction) -> list[Recipient]:
    """The duty managers, whoever has the case, and always service management (S24)."""
    return _each_once(await _duty_managers(tx) + _assignee(case) + await _service_management(settings, tx))


async def told_of_step(
    case: CaseFile, calls: tuple[Call, ...], settings: EscalationSettings, tx: Transaction
) -> list[Recipient]:
    """Whom these calls reach now, and always service management."""
    found: list[Recipient] = []
    for call in calls:
        match call.kind:
            case "duty_manager":
                found += await _duty_managers(tx)
            case "assignee":
                found += _assignee(case)
            case "rota" if call.id and (rota := await Rota.find(call.id, tx)):
                found += rota.recipients(tx.now)
            case "team" if call.id and (team := await Team.find(call.id, tx)):
                found += team.recipients()
            case "person" if call.person:
                found.append(call.person.as_recipient("on_call"))
    return _each_once(found + await _service_management(settings, tx))


async def _duty_managers(tx: Transaction) -> list[Recipient]:
    rotas = await tx.select(Rota, Rota.c.purpose == "duty_manager", order_by=(Rota.c.name, Rota.c.id))
    return [recipient for rota in rotas for recipient in rota.recipients(tx.now)]


async def _service_management(settings: EscalationSettings, tx: Transaction) -> list[Recipient]:
    teams = await tx.select(Team, Team.c.purpose == "service_management", order_by=(Team.c.name, Team.c.id))
    known = [recipient for team in teams for recipient in team.recipients()]
    if any(recipient.kind == "service_management" for recipient in known):
        return known
    address = settings.service_management_address
    return [*known, Recipient(kind="service_management", name=settings.service_management_name, address=address)]


def _assignee(case: CaseFile) -> list[Recipient]:
    if case.assignee is None:
        return []
    return [Recipient(kind="assignee", name=case.assignee.name, address=case.assignee.email)]


def _each_once(recipients: list[Recipient]) -> list[Recipient]:
    return list({(each.kind, each.id, each.address, each.name): each for each in recipients}.values())
