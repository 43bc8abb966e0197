"""Contacts from a table; a row is a contact's by its account and the address, or without one by the name."""

from uuid import UUID

from fastapi import Request

from libs.kit.auth import ACCOUNT_KEEPERS
from libs.kit.http import Caller, Router, Tx, allow
from libs.tables.rehearsal import DryRun
from libs.tables.taking import LIMIT, Cells, Done, Sheet, TableResult, taken, the_one
from services.entitlements.model.account import Account
from services.entitlements.model.contact import Contact, ContactHasLeft
from services.entitlements.model.headings import headings
from services.entitlements.queries.spoken_ids import spoken
from services.entitlements.queries.tables import OfAccounts
from services.entitlements.reactions.decide_coverage import decide_again_among
from services.entitlements.use_cases.keep_contacts import ChangeContact, ContactFields, CreateContact

router = Router(tags=["contacts"])
_SHEET = Sheet(
    ("account_id", *ContactFields.model_fields),
    required=("name",),
    key="A contact is known by its account and its address, one without an address by its name. The account by id or by name; "
    "without one the query's.",
    headings=headings(named_by="contact_id"),
)


@router.post("/v1/contacts/bulk", dependencies=[allow(*ACCOUNT_KEEPERS), LIMIT], openapi_extra=_SHEET.openapi())
async def take_contacts_route(
    request: Request, tx: Tx, caller: Caller, account_id: UUID | None = None, dry_run: DryRun = False
) -> TableResult:
    """Adds and changes contacts from a table, with a result for each row."""
    async with taken(_SHEET, request, tx, dry_run, OfAccounts) as taking:
        trial = taking.tx
        accounts = await taking.accounts(caller, account_id)
        standing = Contact.c.account_id.in_(accounts), Contact.c.erased_at.is_(None)
        known: dict[tuple[UUID, str], list[Contact]] = {}
        for contact in await trial.select(Contact, *standing, lock=True):
            for said in {contact.email, contact.name} - {None}:
                known.setdefault((contact.account_id, spoken(str(said))), []).append(contact)
        await trial.find_many(Account, sorted(accounts), lock=True)
        touched = set[UUID]()

        async def one(cells: Cells) -> Done:
            account = accounts[cells["account_id"]]
            said = str(cells.get("email") or cells.get("name", ""))
            key = account.id, spoken(said)
            contact = the_one(known.get(key, ()), f"contacts of the account are called {said!r}")
            if contact is None:
                contact = CreateContact.model_validate(cells).make(Contact, trial, account_id=account.id)
                known[key] = [contact]
                touched.add(account.id)
                return "created", contact.id
            if not contact.active:
                raise ContactHasLeft("This contact has left; a PATCH of `active` brings them back.")
            change = ChangeContact.model_validate({n: v for n, v in cells.items() if n != "account_id"})
            if not change.apply_to(contact):
                return "unchanged", contact.id
            touched.add(account.id)
            return "changed", contact.id

        await taking.take(one)
        await decide_again_among(touched, trial)
    return taking.result(dry_run=dry_run)
