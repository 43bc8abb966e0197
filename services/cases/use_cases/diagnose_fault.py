"""A diagnosis by an engineer: the fact on which the rest of the system moves (S2, S5, S26)."""

from typing import Self
from uuid import UUID

from pydantic import model_validator

from libs.events.cases_work import DiagnosisWithdrawn, FaultDiagnosed
from libs.events.values import Confidence, Domain, Remedy
from libs.kit.fields import Line, Reason, Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import NotFound, Transaction
from libs.store.ids import new_id
from services.cases.model.actor import Actor
from services.cases.model.case import Case
from services.cases.model.diagnosis import Diagnosis
from services.cases.queries.access import COMMANDS, case_for
from services.cases.queries.answers import DiagnosisOut
from services.cases.reactions.act_on_case import act_on
from services.cases.reactions.ask_where_to_send import ask_where_to_send

router = Router(tags=["cases"])


class DiagnoseFault(Command):
    """What is wrong and what cures it. The remedy `partner_ticket` needs `partner_id`."""

    component: Line
    fault_code: Line
    domain: Domain
    remedy: Remedy
    part_number: Line | None = None
    whole_unit: bool = False
    partner_id: UUID | None = None
    findings: Text
    confidence: Confidence

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.remedy == "partner_ticket" and self.partner_id is None:
            raise ValueError("a partner ticket needs partner_id")
        return self


class WithdrawDiagnosis(Command):
    """Why it does not stand any more."""

    reason: Reason


async def diagnose_fault(case: Case, cmd: DiagnoseFault, actor: Actor, tx: Transaction) -> Diagnosis:
    """The first one begins the work."""
    diagnosis = Diagnosis(
        id=new_id(),
        account_id=case.account_id,
        case_id=case.id,
        diagnosed_by=actor.by,
        diagnosed_at=tx.now,
        **cmd.model_dump(),
    )
    tx.add(diagnosis)
    tx.emit(FaultDiagnosed(**diagnosis.facts()))
    case.take_up()
    await act_on(case, tx, at=tx.now, by=actor.by, reason="diagnosed")
    await ask_where_to_send(case, tx, at=tx.now, by=actor.by)
    return diagnosis


async def withdraw_diagnosis(
    case: Case, diagnosis: Diagnosis, cmd: WithdrawDiagnosis, actor: Actor, tx: Transaction
) -> None:
    """What it caused elsewhere stops there, unless it has shipped or begun.

    Raises DiagnosisWithdrawnAlready.
    """
    diagnosis.withdraw(cmd.reason, actor.by, tx.now)
    tx.emit(
        DiagnosisWithdrawn(
            case_id=case.id, diagnosis_id=diagnosis.id, reason=cmd.reason, by=actor.by, withdrawn_at=tx.now
        )
    )
    await ask_where_to_send(case, tx, at=tx.now, by=actor.by)


@router.post("/v1/cases/{case_id}/diagnoses", dependencies=[allow(*COMMANDS.roles("diagnoses"))], status_code=201)
async def diagnose_fault_route(case_id: UUID, cmd: DiagnoseFault, tx: Tx, caller: Caller) -> DiagnosisOut:
    """Say what is wrong and what cures it; RMAs, visits and partner tickets follow from this."""
    case = await case_for(caller, case_id, tx, command="diagnoses")
    return DiagnosisOut.model_validate(await diagnose_fault(case, cmd, Actor.of(caller), tx))


@router.post(
    "/v1/cases/{case_id}/diagnoses/{diagnosis_id}/withdraw", dependencies=[allow(*COMMANDS.roles("withdraw_diagnosis"))]
)
async def withdraw_diagnosis_route(
    case_id: UUID, diagnosis_id: UUID, cmd: WithdrawDiagnosis, tx: Tx, caller: Caller
) -> DiagnosisOut:
    """Take a diagnosis back; what it caused stops, unless it has shipped or begun."""
    case = await case_for(caller, case_id, tx, command="withdraw_diagnosis")
    diagnosis = await Diagnosis.get(diagnosis_id, tx, lock=True)
    if diagnosis.case_id != case_id:
        raise NotFound("diagnosis", diagnosis_id)
    await withdraw_diagnosis(case, diagnosis, cmd, Actor.of(caller), tx)
    return DiagnosisOut.model_validate(diagnosis)
