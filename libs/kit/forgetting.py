"""A person is forgotten, or a text is taken out: what each service does that keeps answers in which they stand."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar, get_args
from uuid import UUID

import pydantic_core

from libs.bus import Handlers, Replicas
from libs.bus.replicas import ERASED, Awaited, have_come
from libs.events import Event
from libs.events.gateway import PersonRole
from libs.kit.problems import MEDIA_TYPE, Problem, body_of
from libs.store import Entity, Transaction

E = TypeVar("E", bound=Event)
_FORGET = """
UPDATE idempotency_keys SET status = $2, headers = $3, body = $4
 WHERE status <> $2 AND position(convert_to($1, 'UTF8') IN body) > 0
"""
_SAYS = """
UPDATE idempotency_keys SET status = $3, headers = $4, body = $5
 WHERE EXISTS (SELECT FROM unnest($1::bytea[]) AS id WHERE position(id IN body) > 0)
   AND EXISTS (SELECT FROM unnest($2::bytea[]) AS said WHERE position(said IN body) > 0)
"""


class AnswerForgotten(Problem):
    """The command was carried out. Its answer held what was erased or taken out since; the resource says what is kept."""

    status, title = 410, "Not kept any more"


async def forget_answers(id: UUID, tx: Transaction) -> None:
    """The answers that are kept for repeated commands name this person no more; a repeat does nothing, and says so."""
    gone = _gone("This was done before; its answer named somebody who was erased.", id=str(id))
    await tx.connection.execute(_FORGET, str(id), *gone)


async def forget_answers_that_say(texts: Iterable[str], ids: Iterable[UUID], tx: Transaction) -> None:
    """The same of answers that hold one of these texts and name one of these ids."""
    said = [pydantic_core.to_json(text)[1:-1] for text in texts if text]
    gone = _gone("This was done before; its answer said something that was taken out.")
    await tx.connection.execute(_SAYS, [str(id).encode() for id in ids], said, *gone)


def _gone(detail: str, **extra: object) -> tuple[int, str, bytes]:
    """Status, headers and body of what is left."""
    headers = pydantic_core.to_json({"content-type": MEDIA_TYPE}).decode()
    return AnswerForgotten.status, headers, pydantic_core.to_json(body_of(AnswerForgotten(detail, **extra)))


def acted_as(person_id: UUID) -> list[str]:
    """How histories and notes say that one of our own people did something: in any role that they can have."""
    return [f"{role}:{person_id}" for role in get_args(PersonRole)]


async def may_be_named(tx: Transaction, *who: tuple[type[Entity], UUID | None]) -> bool:
    """Whether a name may be written down beside these ids of the replicas: not once one of them is forgotten. Who is forgotten later waits
    for this transaction, and finds what it has written."""
    return not any([id and await have_come([Awaited(cls, id, ERASED)], tx) for cls, id in who])


def obey(
    on: Handlers,
    erased: type[E],
    kept: Sequence[type[Entity]] = (),
    *,
    of: Replicas | None = None,
    besides: Callable[[E, Transaction], Awaitable[None]] | None = None,
) -> None:
    """Hears that a person, the subject of `erased`, is forgotten: so are they in the tables `kept` of the replicas, in the answers that
    are kept for repeats, and in what the service holds `besides`."""
    replicas = of or Replicas(on.consumer)

    @on(erased)
    async def forget(event: E, tx: Transaction) -> None:
        for cls in kept:
            await replicas.forget(cls, [event.subject], tx)
        await forget_answers(event.subject, tx)
        if besides:
            await besides(event, tx)
