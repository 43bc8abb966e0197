"""The little of ASGI that the door speaks itself."""

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from libs.kit.problems import Problem, answer
from services.gateway.door.headers import Headers

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
_AT_ONCE = 64 * 1024
"""Beyond this the server's buffer makes the next message wait until it is nearly empty."""


class CallerLeft(Exception):
    """The connection ended before the request did: nobody waits for an answer."""


async def body_chunks(receive: Receive) -> AsyncIterator[bytes]:
    """The request's body as it comes. Raises CallerLeft."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CallerLeft
        more = message.get("more_body", False)
        if chunk := message.get("body", b""):
            yield chunk


async def until_gone(receive: Receive) -> None:
    """Once the request's body has been read."""
    while (await receive())["type"] != "http.disconnect":
        continue


async def start(send: Send, status: int, headers: Headers) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def body(send: Send, content: bytes, *, more: bool = False) -> None:
    """Nearly all of it is taken by the caller when this returns and no `more` comes."""
    if not more and len(content) > _AT_ONCE:
        await body(send, content, more=True)
        content = b""
    await send({"type": "http.response.body", "body": content, "more_body": more})


async def refuse(scope: Scope, receive: Receive, send: Send, problem: Problem) -> None:
    """The problem as the whole answer."""
    await answer(problem)(scope, receive, send)


def with_headers(send: Send, added: Headers) -> Send:
    """A `send` that adds headers to the answer."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *added]}
        await send(message)

    return sending
