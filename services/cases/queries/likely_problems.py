"""The one search for known errors: of intake and of `GET /v1/problems?q=`.

The rarest words of a text are looked up, as long as few rows have them, among the problems of the unit's product and those of none, then
among all others; what has one of these is ranked by all words (BM25), by the product and by the releases that have the error.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from libs.store import Compiled, Transaction, given
from services.cases.model.problem import Problem, problem_word_counts, problem_words
from services.cases.model.terms import GLOSSARY_WORDS, Word, nearest, spelled, terms

BUDGET, _OTHERS = 2_000, 500
"""So many rows at most are ranked, and of problems of other products so many where the product is known."""
_MOST_WORDS = 40
"""So many terms of a text count, the rarest."""
_MOST_MENDED = 5
"""So many words that nobody knows are taken for mistyped ones."""
_SATURATION, _BY_LENGTH = 1.2, 0.75
_PRODUCT, _FAMILY, _OTHER = 1.2, 0.9, 0.5
"""Problems of the unit's own product, of a family alone, and of other products; those that name neither are as they are."""
_FIXED, _LATER = 0.3, 0.6
"""Fixed in the unit's release, and come with a later one."""
_PROBLEMS, _WORDS, _GENERAL = "", "#", "@"
"""Where the counts have how many problems there are, how many words they have, and how many problems are of no product."""

Condition = sa.ColumnElement[bool]


@dataclass(frozen=True)
class Unit:
    """What a text is about, as far as that is known."""

    product_number: str | None = None
    firmware: str | None = None


async def likely(
    tx: Transaction,
    text: str,
    unit: Unit,
    *,
    published: bool,
    limit: int,
    at_least: float = 0.0,
    among: Sequence[Condition] = (),
) -> list[Problem]:
    """Problems that the text is about, the likest first, to be looked at only.

    `at_least`: so much of what the text says, by weight, is said of each. `among`: further conditions.
    """
    sought = await looked_for(text, unit, tx)
    if sought is None or not limit:
        return []
    return await tx.read_only(
        Problem,
        Compiled(_ranked(among)) if among else _RANKED,
        **sought.rows,
        unpublished=not published,
        words=sought.words,
        weights=sought.weights,
        average=sought.average,
        product=f"@{unit.product_number}" if unit.product_number else None,
        firmware=unit.firmware,
        enough=at_least * sum(sought.weights),
        most=limit,
    )


@dataclass(frozen=True)
class Sought:
    """What a text says, by weight, the rarest first; how long a problem is on average, in words; and which rows are ranked."""

    words: list[str]
    weights: list[float]
    average: float
    rows: dict[str, Any]


async def looked_for(text: str, unit: Unit, tx: Transaction) -> Sought | None:
    """None for a text that says nothing of what any problem says."""
    said, own = spelled(text), [_GENERAL, f"@{unit.product_number}"] if unit.product_number else []
    counts = await _counts([_PROBLEMS, _WORDS, *own, *(word.stem for word in said), *terms(said)], tx)
    if not (problems := counts.get(_PROBLEMS)):
        return None
    asked = terms(said)
    if unknown := [word for word in dict.fromkeys(said) if word.stem not in counts and word.may_be_mistyped]:
        meant = await _meant(unknown[:_MOST_MENDED], tx)
        asked = terms([meant.get(word, word) for word in said])
        counts |= await _counts([each for each in asked if each not in counts], tx)
    rarest = sorted((each for each in asked if each in counts), key=lambda each: (counts[each], each))[:_MOST_WORDS]
    if not rarest:
        return None
    share = sum(counts.get(each, 0) for each in own) / problems
    others = _OTHERS if own else BUDGET
    return Sought(
        rarest,
        [math.log(1 + (problems - counts[each] + 0.5) / (counts[each] + 0.5)) for each in rarest],
        counts[_WORDS] / problems,
        {
            "own": own,
            "of_own": _within(BUDGET - others, rarest, [share * counts[each] for each in rarest]),
            "most_own": BUDGET - others,
            "of_others": _within(others, rarest, [counts[each] for each in rarest]),
            "most_others": others,
        },
    )


def _within(budget: int, rarest: Sequence[str], rows: Sequence[float]) -> list[str]:
    """The first, and those after it that together bring no more rows than that, as far as can be known."""
    together = accumulate(rows)
    return [each for each, so_many in zip(rarest, together, strict=True) if each == rarest[0] or so_many <= budget]


async def _counts(words: Collection[str], tx: Transaction) -> dict[str, int]:
    """How many problems have each of the words that any has."""
    return {record["word"]: record["problems"] for record in await tx.fetch(_COUNTS, words=[*words])}


async def _meant(unknown: Sequence[Word], tx: Transaction) -> dict[Word, Word]:
    """For words that nobody knows the nearest that somebody does. It begins with the same letter, or its second is the first."""
    often = defaultdict[str, dict[str, int]](dict)
    for word in GLOSSARY_WORDS:
        often[word[0]][word] = 0
    lengths = [len(word.stem) for word in unknown]
    for record in await tx.fetch(
        _BEGINNING,
        letters=sorted({letter for word in unknown for letter in word.stem[:2]}),
        shortest=min(lengths) - 2,
        longest=max(lengths) + 2,
    ):
        often[record["word"][0]][record["word"]] = record["problems"]
    found = {word: nearest(word.stem, often[word.stem[0]] | often[word.stem[1]]) for word in unknown}
    return {word: Word(meant) for word, meant in found.items() if meant}


def looked_up(among: Sequence[Condition]) -> Any:
    """The columns of the rows that are ranked."""
    w, own = problem_words.c, given("own", ARRAY(sa.Text))
    seen = sa.select(problem_words).where(w.published | given("unpublished", sa.Boolean))
    if among:
        seen = seen.join_from(problem_words, Problem.table, Problem.c.id == w.problem_id).where(*among)
    of_own = seen.where(w.words.overlap(own), w.words.overlap(given("of_own", ARRAY(sa.Text))))
    of_others = seen.where(~w.words.overlap(own), w.words.overlap(given("of_others", ARRAY(sa.Text))))
    both = of_own.limit(given("most_own", sa.Integer)), of_others.limit(given("most_others", sa.Integer))
    return sa.union_all(*both).cte("few").c


def _ranked(among: Sequence[Condition]) -> sa.Select[Any]:
    few = looked_up(among)
    both = sa.func.unnest(given("words", ARRAY(sa.Text)), given("weights", ARRAY(sa.Double)))
    asked = both.table_valued("word", sa.column("weight", sa.Double)).render_derived("asked")
    said = sa.select(sa.func.sum(asked.c.weight)).where(asked.c.word == sa.any_(few.words)).scalar_subquery()
    long = 1 - _BY_LENGTH + _BY_LENGTH * few.n / given("average", sa.Double)
    product = given("product", sa.Text)
    # In a query of its own, or it is worked out for each row.
    firmware = sa.select(sa.func.release(given("firmware", sa.Text))).scalar_subquery()
    fits = sa.case(
        (product.is_(None), 1.0),
        (product == sa.any_(few.words), _PRODUCT),
        (sa.literal(_GENERAL) != sa.all_(few.words), _OTHER),
        (few.family.is_not(None), _FAMILY),
        else_=1.0,
    )
    has_it = sa.case((few.fixed_in <= firmware, _FIXED), (few.affected_from > firmware, _LATER), else_=1.0)
    by = (fits * has_it / (1 + _SATURATION * long)).label("by")
    # Materialized, or the sum is made once more for each place that names it.
    weighed = sa.select(few.problem_id, said.label("said"), by).cte("weighed").prefix_with("MATERIALIZED").c
    likest = (
        sa.select(weighed.problem_id, (weighed.said * weighed.by).label("score"))
        .where(weighed.said >= given("enough", sa.Double))
        .order_by(sa.desc("score"), weighed.problem_id)
        .limit(given("most", sa.Integer))
        .subquery("likest")
    )
    return (
        sa.select(Problem.table)
        .join_from(likest, Problem.table, Problem.c.id == likest.c.problem_id)
        .order_by(likest.c.score.desc(), Problem.c.number)
    )


_RANKED = Compiled(_ranked([]))
_COUNTS = Compiled(
    sa.select(problem_word_counts).where(problem_word_counts.c.word == sa.any_(given("words", ARRAY(sa.Text))))
)
_BEGINNING = Compiled(
    sa.select(problem_word_counts).where(
        sa.func.left(problem_word_counts.c.word, 1) == sa.any_(given("letters", ARRAY(sa.Text))),
        sa.func.length(problem_word_counts.c.word).between(given("shortest", sa.Integer), given("longest", sa.Integer)),
    )
)
