"""Where parts come from in the tests: depots in Ho Chi Minh City and Singapore, their lanes, and what is in stock."""

from typing import Any
from uuid import UUID

from libs.events.entitlements import CalendarState
from libs.events.values import Money
from libs.kit.calendar import CalendarData
from libs.store.ids import new_id
from services.rma.model.depot import Depot, Lane
from services.rma.model.depot_calendar import DepotCalendar
from services.rma.model.part import Part
from services.rma.model.stock import locked_stock
from services.rma.use_cases.keep_parts import CreatePart
from tests.support.harness import Harness

HCM, SGP = (UUID(f"0192d000-0000-7000-8000-0000000000d{n}") for n in (1, 2))
HCM_DAYS, SGP_DAYS, VN_DAYS = (UUID(f"0192d000-0000-7000-8000-0000000000c{n}") for n in (1, 2, 3))
CAMERA, NEWER_CAMERA, UNIT = "P-CAM-70", "P-CAM-70B", "X70"
OFFICE = {"weekdays": [0, 1, 2, 3, 4], "opens": "08:00", "closes": "18:00"}


def days(zone: str, **how: Any) -> dict[str, Any]:
    """A calendar's data."""
    return {"time_zone": zone, "windows": [OFFICE], **how}


def vietnam(**how: Any) -> CalendarState:
    """As entitlements tells it: Monday to Friday, and no holidays but those that are said."""
    return CalendarState.model_validate({"country": "VN", "windows": [OFFICE], **how})


async def a_network(rma: Harness, *, camera: int = 3, in_singapore: int = 0) -> None:
    """Two depots with a lane each to Vietnam: one night from Ho Chi Minh City, two from Singapore."""
    await rma.learn({VN_DAYS: vietnam()})
    async with rma.transaction() as tx:
        calendars = ((HCM_DAYS, "HCM depot", "Asia/Ho_Chi_Minh"), (SGP_DAYS, "SGP depot", "Asia/Singapore"))
        for id, name, zone in calendars:
            tx.add(
                DepotCalendar(
                    id=id,
                    name=name,
                    data=CalendarData.model_validate(days(zone)),
                    edited_by="test",
                    edited_because="test",
                    edited_at=tx.now,
                )
            )
        depots = ((HCM, "HCM", "VN", HCM_DAYS, 1, 500), (SGP, "SGP", "SG", SGP_DAYS, 2, 4500))
        for id, code, country, calendar, nights, cost in depots:
            tx.add(
                Depot(
                    id=id,
                    code=code,
                    name=f"Depot {code}",
                    country=country,
                    region=None,
                    city="",
                    postal_code=None,
                    address_lines=[],
                    phone=None,
                    calendar_id=calendar,
                    cut_off=None,
                    active=True,
                )
            )
            tx.add(
                Lane(
                    id=new_id(),
                    depot_id=id,
                    country="VN",
                    region=None,
                    transit_days=nights,
                    delivers_by="12:00",
                    cost=Money(amount_minor=cost, currency="USD"),
                    carrier="simulated-express",
                    service="next_business_day",
                    active=True,
                )
            )
        for part in (a_part(), a_part(NEWER_CAMERA), a_unit()):
            CreatePart.model_validate(part).make(Part, tx, active=True)
        for depot_id, quantity in ((HCM, camera), (SGP, in_singapore)):
            if quantity:
                (await locked_stock(depot_id, CAMERA, tx)).add(quantity, tx, "goods in")


def a_part(part_number: str = CAMERA, **how: Any) -> dict[str, Any]:
    return {
        "part_number": part_number,
        "name": "Camera module",
        "component": "camera",
        "fits": [{"product_number": UNIT}],
        "substitutes": [NEWER_CAMERA] if part_number == CAMERA else [],
        "hazardous": False,
        "list_price": {"amount_minor": 49900, "currency": "USD"},
        **how,
    }


def a_unit() -> dict[str, Any]:
    return {
        "part_number": "P-X70",
        "name": "Studio X70",
        "component": "unit",
        "whole_unit": True,
        "product_number": UNIT,
        "fits": [{"product_number": UNIT}],
        "hazardous": True,
        "list_price": {"amount_minor": 399900, "currency": "USD"},
    }
