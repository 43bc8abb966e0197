"""Who sees which row. A technician needs nothing of this: the work order carries the visit's parts."""

from libs.kit.auth import Principal
from libs.kit.rows import Rows, of_its_accounts
from services.rma.model.rma import Rma
from services.rma.model.stock import Stock


def visible_to(caller: Principal) -> Rows:
    """A depot sees the RMAs of its depots, whosever they are."""
    if caller.role == "depot":
        return [Rma.c.depot_id.in_(caller.depots)]
    return of_its_accounts(caller, Rma.c.account_id)


def shelves_visible_to(caller: Principal) -> Rows:
    """A depot sees its own."""
    return [Stock.c.depot_id.in_(caller.depots)] if caller.role == "depot" else []
