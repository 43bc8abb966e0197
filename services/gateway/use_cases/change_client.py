"""What a client is called, whose data it sees, how fast it may ask. Its role stays: another role is another client."""

from uuid import UUID

from pydantic import model_validator

from libs.events.gateway import ClientChanged
from libs.kit.fields import Line
from libs.kit.http import Router, Tx, allow
from libs.kit.patch import Patch
from libs.store import Transaction
from services.gateway.model.client import Client
from services.gateway.model.history import Change
from services.gateway.queries.clients import ClientOut, client_out
from services.gateway.use_cases.bindings import OWNERS, Owners, must_be_bound
from services.gateway.use_cases.create_client import ClientFields, must_act_as

router = Router(tags=["clients"])


class ChangeClient(Patch, ClientFields):
    """Only what is given changes."""

    name: Line

    @model_validator(mode="after")
    def _says_something(self) -> "ChangeClient":
        if not self.model_fields_set - {"why"}:
            raise ValueError("nothing to change is given")
        return self


async def change_client(client_id: UUID, cmd: ChangeClient, tx: Transaction) -> Client:
    """Holds for every gateway within seconds. Raises ClientDisabled, UnknownPerson, NotThisPersonsRole."""
    client = await Client.get(client_id, tx, lock=True)
    client.must_be_enabled()
    await must_act_as(client.role, cmd.person_id, tx)
    if changed := cmd.apply_to(client):
        what = f"changed {', '.join(sorted(changed))}"
        client.history.append(Change(at=tx.now, by=tx.scope.actor, what=what, why=cmd.why))
        tell_changed(client, changed, tx)
    return client


def tell_changed(client: Client, changed: list[str], tx: Transaction) -> None:
    tx.emit(ClientChanged(**client.facts(), changed=changed, by=tx.scope.actor, changed_at=tx.now))


@router.patch("/v1/clients/{client_id}", dependencies=[allow("admin")])
async def change_client_route(client_id: UUID, cmd: ChangeClient, tx: Tx, owners: Owners) -> ClientOut:
    client = await Client.get(client_id, tx)
    bound = {name: getattr(cmd, name) for name in OWNERS if name in cmd.model_fields_set}
    must_be_bound(client.role, {name: getattr(client, name) for name in OWNERS} | bound, changed=bound)
    await owners.must_know(bound)
    return await client_out(await change_client(client_id, cmd, tx), tx)
