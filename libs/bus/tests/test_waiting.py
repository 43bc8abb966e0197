import asyncio

import pytest

from libs.bus.waiting import unless, within, woken_at


async def test_a_wait_ends_with_its_event_or_its_time() -> None:
    event = asyncio.Event()
    assert not await within(0, event)
    asyncio.get_running_loop().call_soon(event.set)
    assert await within(20, event)
    assert await within(0, event)


async def test_who_waits_to_be_woken_is_woken_at_the_end_too() -> None:
    stop, wake = asyncio.Event(), asyncio.Event()
    with woken_at(stop, wake):
        assert not await within(0, wake)
        stop.set()
        assert await within(20, wake)
    wake.clear()
    with woken_at(stop, wake):
        assert await within(20, wake), "it has been told before"


async def test_work_is_given_up_when_the_event_comes_first() -> None:
    event, ended = asyncio.Event(), asyncio.Event()

    async def work() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return "done"

    asyncio.get_running_loop().call_soon(event.set)
    assert await unless(event, work()) is None
    assert ended.is_set()
    ended.clear()
    waiting = asyncio.ensure_future(unless(asyncio.Event(), work()))
    await asyncio.wait((waiting,), timeout=0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert ended.is_set(), "who is cancelled cancels it"


async def test_what_the_work_gives_or_raises_comes_through() -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    async def work() -> str:
        return "done"

    event = asyncio.Event()
    assert await unless(event, work()) == "done"
    with pytest.raises(ZeroDivisionError):
        await unless(event, fail())
