"""What a code says to people."""

from typing import Literal

from libs.store import Transaction
from services.cases.model.codes import Code
from services.cases.model.policy import CasesPolicy, policies


async def in_words(kind: Literal["closing_codes", "tags"], code: str, tx: Transaction) -> Code:
    """As it was worded last, in whichever list: cases keep codes that are in none any more."""
    versions = sorted(await policies.versions(tx), key=lambda version: version.number, reverse=True)
    lists = [version.settings.get(kind, ()) for version in versions]
    worded = [Code.model_validate(each) for each in (entry for kept in lists for entry in kept) if each["code"] == code]
    seeded = [each for each in getattr(CasesPolicy(), kind) if each.code == code]
    return next(iter([*worded, *seeded]), Code(code=code, vi=code, en=code))
