"""What somebody typed, and what repeats it, is taken out of the rows of a case."""

from collections.abc import Iterable

from libs.bus.redaction import take_out_of_copies
from libs.events.cases_work import InternalTextRedacted, TextRedacted
from libs.events.redaction import Redaction, words_of
from libs.events.typed_words import emptied, said_at, without
from libs.kit.forgetting import forget_answers_that_say
from libs.store import Entity, Transaction


async def take_words_out(
    event: TextRedacted | InternalTextRedacted,
    tx: Transaction,
    *kept: type[Entity],
    rows: Iterable[Entity] = (),
    copy: type[Entity] | None = None,
) -> set[str]:
    """What a service does that hears of it: in its rows of the case (`kept`, and these locked `rows`), and in its `copy` of the case's
    facts, in which the fact alone is emptied that said it. Gives the words. In a rebuild the copy alone is looked at.

    Which words those are, our own outbox says; where it does not any more, whatever stands in these rows with the fact's instant.
    """
    redaction, words = Redaction.of(event), set[str]()
    if copy and redaction.said_at and (known := await copy.find(event.case_id, tx, lock=True)):
        words |= set(said_at(redaction.said_at, vars(known)))
        vars(known).update(emptied(redaction.said_at, vars(known), redaction.instead))
    if tx.rebuilding:
        return words
    told = await take_out_of_copies(event.case_id, redaction, tx)
    words |= {word for type, data in told.values() for word in words_of(type, data)}
    found = [*rows]
    for cls in kept:
        found += await tx.select(cls, cls.c.case_id == event.case_id, order_by=(cls.c.id,), lock=True)
    if redaction.said_at and redaction.id not in told:
        words |= {word for row in found for word in said_at(redaction.said_at, vars(row))}
    words -= {redaction.instead, ""}
    for row in found:
        vars(row).update(without(words, vars(row), redaction.instead))
    await forget_answers_that_say(words, [event.case_id], tx)
    return words
