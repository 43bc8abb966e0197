"""The service on a real database of its own; An, Binh, Chi, Dung and Em work here."""

import pytest_asyncio

from services.escalation.app import service
from services.escalation.tests.builders import OUR_PEOPLE
from tests.support.harness import Harness, harness_fixture

empty_escalation = harness_fixture(service)


@pytest_asyncio.fixture(loop_scope="session")
async def escalation(empty_escalation: Harness) -> Harness:
    await empty_escalation.learn(OUR_PEOPLE)
    return empty_escalation
