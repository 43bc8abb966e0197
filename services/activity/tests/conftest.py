from services.activity.app import service
from tests.support.harness import harness_fixture

activity = harness_fixture(service)
