from services.rma.app import service
from tests.support.harness import harness_fixture

rma = harness_fixture(service)
