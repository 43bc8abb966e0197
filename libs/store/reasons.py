"""What went wrong, in words that hold no value of anybody's: for logs, readiness and dead letters.

An error's own text may quote what it was given: pydantic its input, PostgreSQL the row, a handler whatever it likes. So a text is
told only of errors known to speak of places and names alone; of every other one its class and where it was raised.
"""

import json
import traceback
from collections.abc import Iterator
from pathlib import Path

import asyncpg
from pydantic import BaseModel, ValidationError

_ROOT = Path(__file__).resolve().parents[2]
_MOST = 2000
_FIELDS_SHOWN = 10
_OURS = ("libs.bus.", "libs.store.", "libs.events.")
_OF_PLACES = ("aiokafka.errors", "cimpl", "confluent_kafka.error")
_OF_THE_SERVER = frozenset({"08", "25", "28", "3D", "40", "42", "53", "55", "57", "58", "XX"})
"""Classes of SQLSTATE whose messages are about connections, locks, rights and tables, not about rows."""
_HTTP_OF_PLACES = frozenset({"ConnectError", "ConnectTimeout", "ReadTimeout", "WriteTimeout", "PoolTimeout"})


def reason(error: BaseException) -> str:
    """One line: the error, its notes, and what caused it. Never a value; at most 2,000 characters."""
    said = [": ".join(filter(None, (type(each).__name__, _told(each)))) for each in _chain(error)]
    told = "; ".join([" from ".join(said), *getattr(error, "__notes__", [])])
    return " ".join(told.replace("\0", "\ufffd").split())[:_MOST]


def stack(error: BaseException) -> str:
    """The traceback with `reason` in the place of each error's text."""
    parts = [f"{''.join(traceback.format_tb(each.__traceback__))}{reason(each)}\n" for each in _chain(error)]
    if isinstance(error, BaseExceptionGroup):
        parts += [stack(each) for each in error.exceptions]
    return "caused by\n".join(parts).rstrip("\n")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it was raised from or while handling."""
    seen: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in seen and len(seen) < 5:
        seen.append(at)
        yield at
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)


def _told(error: BaseException) -> str:
    match error:
        case ValidationError():
            return f"{error.title}: {_fields(error)}"
        case asyncpg.PostgresError():
            return _of_postgres(error)
        case json.JSONDecodeError() | UnicodeDecodeError():
            return ""
        case asyncpg.InterfaceError() | asyncpg.InternalClientError() if not isinstance(error, ValueError):
            return str(error)
        case OSError():
            return str(error)
    module, name = type(error).__module__, type(error).__name__
    if module.startswith(_OF_PLACES) or (
        module.startswith(_OURS) and ".tests." not in module and not getattr(error, "quotes_others", False)
    ):
        return str(error)
    if module.startswith("httpx"):
        answer = getattr(error, "response", None) if name == "HTTPStatusError" else None
        return f"status {answer.status_code}" if answer else str(error) if name in _HTTP_OF_PLACES else ""
    return _where(error)


def _fields(error: ValidationError) -> str:
    """Which fields, and by which rule. A key of a mapping is a value too: only names that some model has are told."""
    names = _field_names(BaseModel)
    found = [
        f"{'.'.join(str(at) if isinstance(at, int) or at in names else '?' for at in each['loc'])} {each['type']}".strip()
        for each in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    more = f" and {len(found) - _FIELDS_SHOWN} more" if len(found) > _FIELDS_SHOWN else ""
    return ", ".join(found[:_FIELDS_SHOWN]) + more


def _field_names(model: type[BaseModel]) -> set[str]:
    return set(model.model_fields).union(*(_field_names(each) for each in model.__subclasses__()))


def _of_postgres(error: asyncpg.PostgresError) -> str:
    state = error.sqlstate or ""
    if isinstance(error, ValueError):  # the driver's own: it quotes the argument
        return state
    names = [
        f"{what} {name}" for what in ("constraint", "column", "table") if (name := getattr(error, f"{what}_name", None))
    ]
    return " ".join([state, *names]) if state[:2] not in _OF_THE_SERVER else str(error).partition("\n")[0]


def _where(error: BaseException) -> str:
    """The innermost line of our own code that it came through."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if file.is_relative_to(_ROOT) and "site-packages" not in file.parts:
            return f"at {file.relative_to(_ROOT)}:{frame.lineno} in {frame.name}"
    return ""
