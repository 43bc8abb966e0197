"""What a client is called, whose data it sees, how fast it may ask. Its role stays: another role is another client."""

from typing import Any
from uuid import UUID

from pydantic import model_validator

from libs.kit.fields import Line
from libs.kit.http import Router, Tx, allow
from libs.store import Transaction
from services.gateway.model.client import Change, Client
from services.gateway.queries import ClientOut
from services.gateway.use_cases.bindings import OWNERS, Owners, must_be_bound
from services.gateway.use_cases.create_client import ClientFields

router = Router(tags=["clients"])


class ChangeClient(ClientFields):
    """Only what is given changes."""

    name: Line = ""

    @model_validator(mode="after")
    def _says_something(self) -> "ChangeClient":
        if not self.fields:
            raise ValueError("nothing to change is given")
        return self

    @property
    def fields(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True, exclude={"why"})


async def change_client(client_id: UUID, cmd: ChangeClient, tx: Transaction) -> Client:
    """Holds for every gateway within seconds."""
    client = await Client.get(client_id, tx, lock=True)
    what = f"changed {', '.join(sorted(cmd.fields))}"
    client.change(cmd.fields, Change(at=tx.now, by=tx.scope.actor, what=what, why=cmd.why))
    return client


@router.patch("/v1/clients/{client_id}", dependencies=[allow("admin")])
async def change_client_route(client_id: UUID, cmd: ChangeClient, tx: Tx, owners: Owners) -> ClientOut:
    client, bound = await Client.get(client_id, tx), {n: v for n, v in cmd.fields.items() if n in OWNERS}
    must_be_bound(client.role, {name: getattr(client, name) for name in OWNERS} | bound, changed=bound)
    await owners.must_know(bound)
    return ClientOut.of(await change_client(client_id, cmd, tx))
