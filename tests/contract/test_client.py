"""A client that is generated from our document: it is complete, it compiles, and it works."""

import importlib
import pkgutil
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import pytest_asyncio

from tests.support.clients import PACKAGE, Client, generate
from tests.support.documents import operations, whole_document
from tests.support.services import behind_one_door

PRODUCT, SERIAL = "8L531AA", "8LTEST0001FB"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def generated(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    folder = tmp_path_factory.mktemp("client")
    said = await generate(whole_document(), folder)
    sys.path.insert(0, str(folder))
    yield said
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


async def test_the_generator_has_nothing_to_complain_of(generated: str) -> None:
    assert "WARNING" not in generated.upper(), generated
    assert "ERROR" not in generated.upper(), generated


async def test_every_operation_is_a_module_that_compiles(generated: str) -> None:
    package = importlib.import_module(PACKAGE)
    modules = [each.name for each in pkgutil.walk_packages(package.__path__, f"{PACKAGE}.")]
    for name in modules:
        importlib.import_module(name)
    assert {operation["operationId"] for _, _, operation in operations(whole_document())} <= {
        name.rpartition(".")[2] for name in modules
    }


async def test_the_first_two_steps_of_the_story_by_the_client(generated: str, postgres_url: str) -> None:
    document = whole_document()
    async with behind_one_door(postgres_url, ["entitlements", "cases"]) as (url, services):
        admin = Client(document, url, services["entitlements"].token("admin"))
        account = await admin(
            "create_account",
            {"name": "Công ty Cổ phần Sao Mai", "country": "VN", "time_zone": "Asia/Ho_Chi_Minh", "language": "vi"},
        )
        today = (datetime.now(UTC) + timedelta(hours=7)).date()
        term = {"starts_on": today.isoformat(), "ends_on": (today + timedelta(days=364)).isoformat()}
        product = {"product_number": PRODUCT, "model": "Studio X70", "family": "studio", "hardware_revisions": ["B"]}
        await admin("create_product", product)
        await admin("create_contract", {"account_id": str(account.id), **term})

        customer = Client(document, url, services["entitlements"].token("customer", [UUID(str(account.id))]))
        unit = await customer("register_product", {"product_number": PRODUCT, "serial": SERIAL})
        assert unit.serial == SERIAL
        coverage = await customer("get_coverage", product_number=PRODUCT, serial=SERIAL)
        assert coverage.covered is True

        case = await customer(
            "open_case",
            {
                "description": "Camera của Studio X70 không lên hình.",
                "observed_impact": "down",
                "severity": "critical",
                "language": "vi",
                "product_number": PRODUCT,
                "serial": SERIAL,
            },
        )
        assert (case.priority, case.state) == ("P1", "acknowledged")
        note = await customer("add_note", {"text": "Đã khởi động lại hai lần."}, case_id=case.id)
        listed = await customer("list_notes", case_id=case.id)
        assert [each.text for each in listed.items] == [note.text]

        with pytest.raises(AssertionError, match="urn:polyplus:problem:missing"):
            await customer("get_case", case_id=UUID(int=1))
