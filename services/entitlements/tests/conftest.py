"""Entitlements on a real PostgreSQL."""

from services.entitlements.app import service
from tests.support.harness import harness_fixture

entitlements = harness_fixture(service)
