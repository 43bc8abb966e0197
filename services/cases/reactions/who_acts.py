"""Who a caller is, as what they write is kept."""

from dataclasses import replace

from libs.kit.auth import Principal
from libs.kit.forgetting import may_be_named
from libs.store import Transaction
from services.cases.model.actor import Actor
from services.cases.model.people import KnownContact, KnownPerson


async def who_acts(caller: Principal, tx: Transaction) -> Actor:
    """Without the name of who is forgotten: a token outlives an erasure for a while. To be asked before anything is locked."""
    known = KnownContact if caller.role == "customer" else KnownPerson
    actor = Actor.of(caller)
    return actor if await may_be_named(tx, (known, caller.person_id)) else replace(actor, name=None)
