"""Who is told or called is named by a person's id, and no name or address of theirs stands in these rows any more.

Whoever was kept under an id that name and address gave is the person with that address, where the replica has one; else the
old id stays, shows as a person who is not known, and a manager names who it is.
"""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

from libs.store.rewriting import rewrite, see_all_rows

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

Row = dict[str, Any]


def upgrade() -> None:
    see_all_rows(op)
    found = op.get_bind().execute(sa.text("SELECT lower(email), id::text FROM people WHERE email IS NOT NULL")).all()
    by_address = {row[0]: row[1] for row in found}
    ours: dict[str, str] = {}  # of an old id

    def id_of(person: Row) -> str:
        id = by_address.get((person.get("email") or "").lower(), person["id"])
        ours[person["id"]] = id
        return id

    def step(step: Row) -> Row:
        return {**step, "calls": [_call(call, id_of) for call in step["calls"]]}

    def rota(row: Row) -> Row:
        layers = [{**each, "people": [id_of(who) for who in each["people"]]} for each in row["layers"]]
        overrides = [
            {name: value for name, value in each.items() if name != "person"} | {"person_id": id_of(each["person"])}
            for each in row["overrides"]
        ]
        for each in overrides:
            each["replaces"] = ours.get(each["replaces"], each["replaces"])
        return {"layers": layers, "overrides": overrides}

    def told(recipients: list[Row]) -> list[Row]:
        return [_unnamed(each, ours) for each in recipients]

    def escalation(row: Row) -> Row:
        policy = {**row["policy"], "steps": [step(each) for each in row["policy"].get("steps", ())]}
        taken = [{"by": each["by"], "at": each["at"]} for each in row["acknowledgements"]]
        owner = row["owner"] and row["owner"].get("id")
        return {
            "policy": policy,
            "recipients": told(row["recipients"]),
            "acknowledgements": taken,
            "owner": ours.get(owner, owner),
        }

    rewrite(op, "teams", lambda row: {"members": [id_of(each) for each in row["members"]]}, json=("members",))
    rewrite(op, "rotas", rota, json=("layers", "overrides"))
    steps = lambda row: {"steps": [step(each) for each in row["steps"]]}  # noqa: E731
    rewrite(op, "escalation_policies", steps, json=("steps",))
    rewrite(op, "breaches", lambda row: {"recipients": told(row["recipients"])}, json=("recipients",))
    rewrite(op, "escalations", escalation, json=("policy", "recipients", "acknowledgements", "owner"))
    op.execute("ALTER TABLE escalations ALTER owner TYPE uuid USING (owner #>> '{}')::uuid")


def _call(call: Row, id_of: Callable[[Row], str]) -> Row:
    person = call.get("person")
    return {"kind": call["kind"], "id": id_of(person) if person else call["id"]}


def _unnamed(recipient: Row, ours: dict[str, str]) -> Row:
    """A webhook keeps its address, and so does service management's in the settings."""
    id = recipient["id"]
    if recipient["kind"] == "webhook" or (recipient["kind"] == "service_management" and id is None):
        return recipient
    return {**recipient, "id": ours.get(id, id), "name": None, "address": None}
