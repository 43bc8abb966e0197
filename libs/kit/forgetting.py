"""A person is forgotten: what each service does that keeps something of people, or answers that name one."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from uuid import UUID

import pydantic_core

from libs.bus import Handlers, Replicas
from libs.events import Event
from libs.kit.problems import MEDIA_TYPE, Problem, body_of
from libs.store import Entity, Transaction

E = TypeVar("E", bound=Event)
_FORGET = """
UPDATE idempotency_keys SET status = $2, headers = $3, body = $4
 WHERE status <> $2 AND position(convert_to($1, 'UTF8') IN body) > 0
"""


class AnswerForgotten(Problem):
    """The command was carried out. Its answer named somebody who was erased since; the resource says what is kept."""

    status, title = 410, "Not kept any more"


async def forget_answers(id: UUID, tx: Transaction) -> None:
    """The answers that are kept for repeated commands name this person no more; a repeat does nothing, and says so."""
    gone = body_of(AnswerForgotten("This was done before; its answer named somebody who was erased.", id=str(id)))
    headers = pydantic_core.to_json({"content-type": MEDIA_TYPE}).decode()
    await tx.connection.execute(_FORGET, str(id), AnswerForgotten.status, headers, pydantic_core.to_json(gone))


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
