"""A contact is forgotten, whatever comes first."""

from services.ecps.model.people import KnownContact
from tests.support.forgetting import forgets_in_any_order
from tests.support.harness import Harness


async def test_a_contact_is_forgotten_whatever_comes_first(ecps: Harness) -> None:
    await forgets_in_any_order(ecps, KnownContact)
