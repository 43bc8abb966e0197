"""What a story is seen with: the listener of the stream hears all that is done once it has been let in."""

import asyncio

import pytest
import pytest_asyncio

from deploy.local.errors import CannotRun
from deploy.local.listening import Listener
from deploy.local.story.witness import Witness
from deploy.local.waiting import until_async
from services.gateway.tests.ears import an_event
from services.gateway.tests.live import Live

SECRET = "a secret of the witness"


@pytest_asyncio.fixture(loop_scope="session")
async def env(live: Live, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A gateway that has not heard of activity yet, and lets nobody listen."""
    monkeypatch.setattr("services.gateway.use_cases.create_client.new_secret", lambda: SECRET)
    made = await live.stage.gateway.post("/v1/clients", {"name": "a witness", "role": "ops"}, role="admin")
    await live.stop()
    door = await live.stage.open()
    return {
        "POLYPLUS_GATEWAY_URL": door.url,
        "POLYPLUS_CLIENT_OPS_ID": made.json()["id"],
        "POLYPLUS_CLIENT_OPS_SECRET": SECRET,
    }


async def test_nothing_is_done_before_the_witness_hears_the_stream(
    live: Live, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the stream begins after the first thing done, and the story waits in vain to see it."""
    witness, event, refused, refuse = Witness(), an_event(), asyncio.Event(), Listener._refused

    def tell(*how: object) -> None:
        refused.set()
        refuse(*how)  # type: ignore[arg-type]

    monkeypatch.setattr(Listener, "_refused", tell)

    async def story() -> None:
        async with witness.following_stream(env):
            await live.activity.deliver(event)
            await until_async(lambda: str(event.event_id) in witness.on_stream, seconds=10, otherwise="it is not heard")

    told = asyncio.create_task(story())
    await refused.wait()
    await live.start()
    await told


async def test_a_witness_whom_nobody_lets_in_says_so_at_once(env: dict[str, str]) -> None:
    with pytest.raises(CannotRun, match="refuses"):
        async with asyncio.timeout(10), Witness().following_stream(env | {"POLYPLUS_CLIENT_OPS_SECRET": "another"}):
            raise AssertionError("it was let in")
