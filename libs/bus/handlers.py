"""Which handler hears which event. A handler is a plain function `async def note_diagnosis(event, tx)`; its effect is its result.

`on = Handlers("onsite")`, then `on(FaultDiagnosed, load={CaseFile: "case_id"})(note_diagnosis)`: `load` names the entities that
the event's fields name, so that a whole batch fetches and locks them in one query; the handler's own `get(lock=True)` then finds
them in memory. It is also how a rebuild knows which handlers fill a table (libs/bus/projections.py).
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar
from uuid import UUID

from libs.bus.envelope import Delivery
from libs.bus.spans import event_span
from libs.events import Event, event_types
from libs.store import Entity, Transaction

E = TypeVar("E", bound=Event)
H = TypeVar("H", bound=Callable[..., Awaitable[None]])
Load = Mapping[type[Entity], str]
handled: ContextVar[Delivery | None] = ContextVar("handled", default=None)
"""What a handler is working on: the log names it in every line."""


@contextmanager
def working_on(delivery: Delivery | None) -> Iterator[None]:
    """The log names this event meanwhile."""
    before = handled.set(delivery)
    try:
        yield
    finally:
        handled.reset(before)


EveryHandler = Callable[[Sequence[Delivery], Transaction], Awaitable[None]]


class Handlers:
    """The handlers of one consumer group, named for its service."""

    def __init__(self, consumer: str) -> None:
        self.consumer = consumer
        self._handlers: dict[str, list[Callable[[Any, Transaction], Awaitable[None]]]] = defaultdict(list)
        self._loads: dict[str, list[tuple[type[Entity], str]]] = defaultdict(list)
        self._registered: list[tuple[tuple[type[Event], ...], Load, Callable[[Any, Transaction], Awaitable[None]]]] = []
        self._every: EveryHandler | None = None
        self._every_topics: tuple[str, ...] = ()

    def __call__(self, *events: type[Event], load: Load | None = None) -> Callable[[H], H]:
        """Hears these events, every version of them. `load` maps an entity to the event's field that holds its id."""
        for event in events:
            for cls, name in (load or {}).items():
                if name not in event.model_fields:
                    raise TypeError(f"{event.__name__} has no field {name!r} to load {cls.__name__} by")

        def register(handler: H) -> H:
            self._registered.append((events, load or {}, handler))
            for event in events:
                self._handlers[event.contract.name].append(handler)
                known = self._loads[event.contract.name]
                known.extend(pair for pair in (load or {}).items() if pair not in known)
            return handler

        return register

    def loading(self, cls: type[Entity]) -> "Handlers":
        """Those alone that load this entity, loading nothing else."""
        part = Handlers(self.consumer)
        for events, load, handler in self._registered:
            if cls in load:
                part(*events, load={cls: load[cls]})(handler)
        return part

    def every(self, *topics: str) -> Callable[[EveryHandler], EveryHandler]:
        """Hears every record of these topics, as it came and by the batch, before the handlers of single events."""

        def register(handler: EveryHandler) -> EveryHandler:
            self._every, self._every_topics = handler, topics
            return handler

        return register

    @property
    def topics(self) -> frozenset[str]:
        """What to subscribe to."""
        heard = {
            contract.topic
            for contract in (c.contract for c in event_types().values())
            if contract.name in self._handlers
        }
        return frozenset(heard | set(self._every_topics))

    @property
    def events(self) -> tuple[type[Event], ...]:
        """Those that have a handler, each once."""
        return tuple(dict.fromkeys(event for events, _, _ in self._registered for event in events))

    @property
    def hears_everything(self) -> bool:
        """Whether no event of its topics is left out."""
        return self._every is not None

    def hears(self, delivery: Delivery) -> bool:
        """Whether a record concerns this consumer at all."""
        return bool(delivery.type) and (self._every is not None or delivery.type.rpartition(".v")[0] in self._handlers)

    async def apply(self, deliveries: Sequence[Delivery], tx: Transaction) -> None:
        """Runs the handlers for these events, in order, in the given transaction. Errors of a handler come through."""
        if self._every is not None:
            await self._every(deliveries, tx)
            deliveries = [each for each in deliveries if each.type.rpartition(".v")[0] in self._handlers]
        events = [delivery.event() for delivery in deliveries]
        await self._prefetch(events, tx)
        try:
            for event, delivery in zip(events, deliveries, strict=True):
                handled.set(delivery)
                tx.caused_by(delivery)
                with event_span(self.consumer, delivery, tx):
                    for handler in self._handlers[event.contract.name]:
                        await handler(event, tx)
        except Exception as error:
            error.__dict__.setdefault("delivery", handled.get())  # for whoever logs it
            raise
        finally:
            handled.set(None)

    async def _prefetch(self, events: Sequence[Event], tx: Transaction) -> None:
        wanted: dict[type[Entity], set[UUID]] = defaultdict(set)
        for event in events:
            for cls, name in self._loads[event.contract.name]:
                if (id := getattr(event, name)) is not None:
                    wanted[cls].add(id)
        for cls in sorted(wanted, key=lambda cls: cls.table.name):  # one order everywhere, or two batches deadlock
            await tx.find_many(cls, list(wanted[cls]), lock=True)
