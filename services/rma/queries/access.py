"""Who sees which row. A technician needs nothing of this: the work order carries the visit's parts."""

from typing import Any

from libs.kit.auth import Principal
from libs.kit.rows import Rows, of_its_accounts
from services.rma.model.rma import Rma


def visible_to(caller: Principal, cls: type[Any]) -> Rows:
    """A depot sees the RMAs and the shelves of its depots, whosever the RMAs are."""
    if caller.role == "depot":
        return [cls.c.depot_id.in_(caller.depots)]
    return of_its_accounts(caller, Rma.c.account_id) if cls is Rma else []
