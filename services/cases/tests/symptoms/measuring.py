"""The labelled set in a database: its problems as rows, and how many of its texts find theirs."""

from collections.abc import Iterable, Sequence

import asyncpg

from libs.store import Database, Scope
from services.cases.model.problem import Problem
from services.cases.model.terms import terms_of
from services.cases.queries.likely_problems import Unit, likely
from services.cases.tests.symptoms import Asked, Described, known_errors, unit_of

_AT_ONCE = 5_000
_COLUMNS = {
    "id": "gen_random_uuid()",
    "version": "1",
    "revision": "0",
    "number": "number",
    "status": "CASE WHEN fixed IS NULL THEN 'known_error' ELSE 'fixed' END",
    "family": "family",
    "product_numbers": "CASE WHEN product IS NULL THEN '[]' ELSE jsonb_build_array(product) END",
    "affected_from": "since",
    "fix_release": "fixed",
    "symptom": "symptom",
    "keywords": "keywords::jsonb",
    "words": "words::jsonb",
    "workaround": "'Restart it.'",
    "response": "'workaround'",
    "history": "'[]'",
    "created_by": "'engineer'",
    "created_at": "now()",
}


async def fill(owner: asyncpg.Connection, described: Iterable[Described]) -> None:
    """Each as a published problem whose number is its key."""
    page = list[Described]()
    for each in described:
        page.append(each)
        if len(page) == _AT_ONCE:
            await _insert(owner, page)
            page = []
    await _insert(owner, page)
    await owner.execute("VACUUM ANALYZE problems, problem_words, problem_word_counts")


async def _insert(owner: asyncpg.Connection, page: Sequence[Described]) -> None:
    def dumped(name: str, value: list[str]) -> str:
        dump = next(column.dump for column in Problem.columns if column.name == name)
        assert dump
        return str(dump(value))

    columns = [
        [each.key for each in page],
        [each.family for each in page],
        [each.product for each in page],
        [each.affected_from for each in page],
        [each.fix_release for each in page],
        [each.symptom for each in page],
        [dumped("keywords", each.keywords) for each in page],
        [dumped("words", terms_of(each.symptom, *each.keywords)) for each in page],
    ]
    given = ", ".join(f"${n}::text[]" for n in range(1, len(columns) + 1))
    await owner.execute(
        f"INSERT INTO problems ({', '.join(_COLUMNS)}) SELECT {', '.join(_COLUMNS.values())}"
        f" FROM unnest({given}) AS given(number, family, product, since, fixed, symptom, keywords, words)",
        *columns,
    )


async def missed(database: Database, asked: Iterable[Asked], *, limit: int = 5) -> list[tuple[Asked, list[str]]]:
    """The texts whose known error is not among the first, and what was; asked for the known error's unit, as a customer."""
    known, found = {each.key: each for each in known_errors()}, []
    for each in asked:
        unit = Unit(*unit_of(known[each.key]))
        async with database.transaction(Scope("staff")) as tx:
            numbers = [p.number for p in await likely(tx, each.text, unit, published=True, limit=limit)]
        if each.key not in numbers:
            found.append((each, numbers))
    return found
