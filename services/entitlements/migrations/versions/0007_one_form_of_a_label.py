"""Serials and product numbers in their one form, in every row; units that two registrations claim are marked.

Of several that claim one unit the first registered holds it. The others stay as they were written, and their registrations are in
dispute: a manager withdraws what is wrong. A unit that was replaced since puts its registration in no dispute. What the state topic
and open cases have to hear of it, the service tells once it has started.

Entitlements is stopped before: what the version before writes afterwards keeps its spelling, and nobody mends it.
"""

from collections import defaultdict
from typing import Any
from uuid import UUID, uuid5

import sqlalchemy as sa
import structlog
from alembic import op

from libs.events import labels
from libs.events.entitlements import RegistrationState, registration_key
from libs.events.labels import in_form
from libs.store.rewriting import remove_record, rewrite, rows, see_all_rows, set_timer

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None
log = structlog.get_logger()

_SERIALS = sa.table(
    "registered_serials",
    *(sa.column(name, sa.Uuid()) for name in ("id", "account_id", "registration_id", "successor")),
    *(sa.column(name, sa.Text()) for name in ("product_number", "serial", "replaced_by")),
    sa.column("version", sa.BigInteger()),
    sa.column("disputed_at", sa.DateTime(timezone=True)),
)
_CLAIMED_AT = sa.text("SELECT id, created_at FROM registrations WHERE id = ANY(:ids)")
_ACCOUNT_OF_REPLACEMENT = sa.text(
    "UPDATE replacements r SET account_id = c.account_id FROM case_files c WHERE c.id = r.case_id AND r.account_id IS NULL"
)
_DISPUTE = sa.text("UPDATE registrations SET disputed_at = app_now() WHERE id = :id")
Row = dict[str, Any]


def upgrade() -> None:
    see_all_rows(op)
    _products()
    accounts = _serials()
    kept = {row.id for row in rows(op, "registrations", {"disputed_at": sa.DateTime()}) if row.disputed_at}
    rewrite(op, "registrations", lambda row: row if row["id"] in kept else in_form(row), "product_number", "serial")
    rewrite(op, "registrations", _history, uuids=("account_id",), json=("history",))
    rewrite(op, "licences", in_form, "product_number", "serial")
    names = ("product_number", "old_serial", "new_product_number", "new_serial")
    rewrite(op, "replacements", _replacement, *names, uuids=("old_key",))
    op.get_bind().execute(_ACCOUNT_OF_REPLACEMENT)
    files = rewrite(op, "case_files", _case_file, uuids=("unit",), json=("opening", "decided"))
    for account_id in accounts:
        set_timer(op, "Account", account_id, "publish_registrations")
    for file in files:
        set_timer(op, "CaseFile", file, "decide_again")


def _products() -> None:
    taken = {row.product_number for row in rows(op, "products", {"product_number": sa.Text()})}

    def anew(row: Row) -> Row:
        number = labels.product_number(row["product_number"])
        if number == row["product_number"]:
            return {}
        if number in taken:
            log.warning("two products have one product number; the second stays as it is", product_id=str(row["id"]))
            return {}
        taken.add(number)
        return {"product_number": number}

    rewrite(op, "products", anew, "product_number")


def _serials() -> set[UUID]:
    """Gives every unit its key; the accounts whose records are to be told again."""
    columns = {"account_id": sa.Uuid(), "registration_id": sa.Uuid(), "version": sa.BigInteger()}
    texts = dict.fromkeys(("product_number", "serial", "replaced_by"), sa.Text())
    claims: dict[UUID, list[Row]] = defaultdict(list)
    for found in rows(op, "registered_serials", {**columns, **texts}):
        key = registration_key(found.product_number, found.serial)
        if key != found.id or in_form(found._asdict()) != found._asdict():
            claims[key].append(found._asdict())
    accounts, moved = set[UUID](), dict[UUID, UUID]()
    for key, claimants in claims.items():
        there = op.get_bind().execute(sa.select(_SERIALS).where(_SERIALS.c.id == key)).one_or_none()
        if there and key not in {each["id"] for each in claimants}:
            claimants.append(there._asdict())
        accounts |= {each["account_id"] for each in claimants}
        moved |= _settle(key, claimants)
    for old, new in reversed(moved.items()):  # first what gave a key up, then what has it now
        op.get_bind().execute(sa.update(_SERIALS).where(_SERIALS.c.successor == old).values(successor=new))
    rewrite(op, "registered_serials", _successor, "replaced_by")
    return accounts


def _successor(row: Row) -> Row:
    return {} if row["replaced_by"] is None else {"replaced_by": labels.serial(row["replaced_by"])}


def _settle(key: UUID, claimants: list[Row]) -> dict[UUID, UUID]:
    """The first registered gets the key; the ids that have changed, old and new."""
    since = dict(op.get_bind().execute(_CLAIMED_AT, {"ids": [each["registration_id"] for each in claimants]}).all())
    holder, *others = sorted(
        claimants, key=lambda row: (since[row["registration_id"]], row["replaced_by"] is not None, row["id"])
    )
    ids = {holder["id"]: key}
    told = {row["id"]: row["version"] for row in claimants}
    for row in others:  # first, so that the key is free
        ids[row["id"]] = row["id"] if row["id"] != key else uuid5(key, "disputed")
        _store(row["id"], id=ids[row["id"]], disputed_at=sa.func.app_now(), version=row["version"] + 1)
        if row["replaced_by"] is not None or row["registration_id"] == holder["registration_id"]:
            continue  # its registration has another unit by now, or this very one
        op.get_bind().execute(_DISPUTE, {"id": row["registration_id"]})
        log.warning(
            "two registrations claim one unit; a manager has to say whose it is",
            disputed=str(row["registration_id"]),
            holds_it=str(holder["registration_id"]),
        )
    unit = in_form({name: holder[name] for name in ("product_number", "serial")})
    _store(holder["id"], id=key, **unit, version=told.get(key, 0))
    for id in told.keys() - {key}:
        account_id = next(row["account_id"] for row in claimants if row["id"] == id)
        remove_record(
            op,
            RegistrationState.contract.topic,
            RegistrationState.contract.ce_type,
            key=id,
            account_id=account_id,
            version=told[id] + 1,
        )
    return {old: new for old, new in ids.items() if old != new}


def _store(row_id: UUID, **values: Any) -> None:
    op.get_bind().execute(sa.update(_SERIALS).where(_SERIALS.c.id == row_id).values(values))


def _history(row: Row) -> Row:
    """Which account each step is of. Only managers and administrators hand a unit to another account: what stands before the last
    step that one of them took may be somebody else's, and so may be its reason; from now on only staff reads that."""
    steps = row["history"]
    theirs = [n for n, step in enumerate(steps) if n and step["by"].startswith(("manager:", "admin:"))]
    since = theirs[-1] if theirs else None
    known = [] if since is None else [{**steps[since], "reason": None}]
    known += steps if since is None else steps[since + 1 :]
    kept = [] if since is None else steps[: since + 1]
    return {"history": [*kept, *({**step, "account_id": str(row["account_id"])} for step in known)]}


def _replacement(row: Row) -> Row:
    new: Row = in_form(row)
    return {**new, "old_key": registration_key(new["product_number"], new["old_serial"])}


def _case_file(row: Row) -> Row:
    new: Row = in_form(row)
    opening = new["opening"] or {}
    if opening.get("product_number") and opening.get("serial"):
        new["unit"] = registration_key(opening["product_number"], opening["serial"])
    return new
