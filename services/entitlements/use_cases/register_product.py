"""Register one unit for an account (S16)."""

from uuid import UUID

from libs.kit.auth import ACCOUNT_KEEPERS
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.problems import Problem
from services.entitlements.queries.registrations import RegistrationOut
from services.entitlements.use_cases.register_units import UnitToRegister, register_units

router = Router(tags=["registrations"])


class RegisterProduct(UnitToRegister):
    account_id: UUID | None = None


@router.post("/v1/registrations", status_code=201, dependencies=[allow(*ACCOUNT_KEEPERS)])
async def register_product_route(cmd: RegisterProduct, tx: Tx, caller: Caller) -> RegistrationOut:
    """Registers one unit for an account (S16)."""
    (result,) = await register_units(caller.account(cmd.account_id), [cmd], tx)
    if isinstance(result, Problem):
        raise result
    return RegistrationOut.of(result, caller)
