"""Sites from a table; a row is a site's by its account and the name."""

from uuid import UUID

from fastapi import Request

from libs.kit.auth import ACCOUNT_KEEPERS
from libs.kit.http import Caller, Router, Tx, allow
from libs.tables.rehearsal import DryRun
from libs.tables.taking import LIMIT, Cells, Done, Sheet, TableResult, taken, the_one
from services.entitlements.model.account import Account, must_be_of_account
from services.entitlements.model.contact import Contact
from services.entitlements.model.headings import headings
from services.entitlements.model.opening_text import opening_hours
from services.entitlements.model.site import Site
from services.entitlements.queries.spoken_ids import spoken
from services.entitlements.queries.tables import OfAccounts
from services.entitlements.reactions.decide_coverage import decide_again_among
from services.entitlements.reactions.offer_discounts import offer_discounts
from services.entitlements.use_cases.keep_sites import ChangeSite, CreateSite, SiteFields

router = Router(tags=["sites"])
_SHEET = Sheet(
    ("account_id", *SiteFields.model_fields),
    required=("name",),
    key="A site is known by its account and its name. The account, and the contact, by id or by name; without an account "
    "the query's. Hours as in `Mon-Fri 08:00-17:30; Sat 08:00-12:00`, an address by its lines.",
    headings=headings(named_by="site_id"),
    converted={"address_lines": str.splitlines, "opening_hours": opening_hours},
    most=1000,
)


@router.post("/v1/sites/bulk", dependencies=[allow(*ACCOUNT_KEEPERS), LIMIT], openapi_extra=_SHEET.openapi())
async def take_sites_route(
    request: Request, tx: Tx, caller: Caller, account_id: UUID | None = None, dry_run: DryRun = False
) -> TableResult:
    """Adds and changes sites from a table, with a result for each row."""
    async with taken(_SHEET, request, tx, dry_run, OfAccounts) as taking:
        trial = taking.tx
        accounts = await taking.accounts(caller, account_id)
        known: dict[tuple[UUID, str], list[Site]] = {}
        for site in await trial.select(Site, Site.c.account_id.in_(accounts), lock=True):
            known.setdefault((site.account_id, spoken(site.name)), []).append(site)
        await trial.find_many(Account, sorted(accounts), lock=True)
        touched = set[UUID]()

        async def one(cells: Cells) -> Done:
            account = accounts[cells["account_id"]]
            key = account.id, spoken(str(cells.get("name", "")))
            site = the_one(known.get(key, ()), f"sites of the account are called {cells.get('name')!r}")
            if site is None:
                new = CreateSite.model_validate(cells)
                await must_be_of_account(Contact, new.contact_id, account.id, trial)
                site = new.make(Site, trial)
                known[key] = [site]
                touched.add(account.id)
                return "created", site.id
            change = ChangeSite.model_validate({n: v for n, v in cells.items() if n != "account_id"})
            await must_be_of_account(Contact, change.contact_id, account.id, trial)
            if not change.apply_to(site):
                return "unchanged", site.id
            touched.add(account.id)
            return "changed", site.id

        await taking.take(one)
        for id in sorted(touched):
            await offer_discounts(accounts[id], trial)
        await decide_again_among(touched, trial)
    return taking.result(dry_run=dry_run)
