"""End a contract early."""

from uuid import UUID

from libs.kit.auth import MANAGERS
from libs.kit.fields import Text
from libs.kit.http import Command, Router, Tx, allow
from services.entitlements.model.contract import Contract
from services.entitlements.queries.contracts import ContractOut
from services.entitlements.reactions.run_contract import end_contract

router = Router(tags=["contracts"])


class CancelContract(Command):
    reason: Text


@router.post("/v1/contracts/{contract_id}/cancel", dependencies=[allow(*MANAGERS)])
async def cancel_contract_route(contract_id: UUID, cmd: CancelContract, tx: Tx) -> ContractOut:
    """Ends a contract from today on; what it brought ends with it."""
    contract = await Contract.get(contract_id, tx, lock=True)
    await end_contract(contract, "cancelled", tx, reason=cmd.reason)
    return ContractOut.model_validate(contract)
