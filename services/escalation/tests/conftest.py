"""The service on a real database of its own."""

from services.escalation.app import service
from tests.support.harness import harness_fixture

escalation = harness_fixture(service)
