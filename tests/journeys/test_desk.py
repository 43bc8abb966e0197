"""A day of a desk: units come in by a table, a pair is one, a serial was wrong, a shift ends, an incident hits many, and one customer is silent."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from deploy.local.demo.load import Ids
from deploy.local.stack import Stack
from deploy.local.story.people import Person
from tests.journeys.desk import Desk, Row, desk
from tests.journeys.requests import X70, a_request

UNITS = ["8L2647D35C01FB", "8L2647D35C02FB", "8L2647D35C03FB", "8L2647D35C04FB"]
HERE = "Trụ sở chính, Quận 1"


async def test_a_day_of_a_desk(stack: Stack, ids: Ids, people: dict[str, Person]) -> None:
    async with desk(stack, ids, people) as day:
        await day.live_to(await day.next_time(9))
        await units_come_in_by_a_table(day)
        urgent = await a_board_is_worked(day)
        await a_pair_becomes_one(day)
        await a_serial_was_wrong(day)
        await an_incident_hits_many(day)
        silent = await a_customer_is_asked(day)
        await a_shift_ends(day, urgent)
        await nobody_answers(day, silent)


async def units_come_in_by_a_table(day: Desk) -> None:
    """Tried first; a serial that Excel has spoilt is refused by its line, and sending it all again does no harm."""
    account = day.ids["accounts"]["Công ty Cổ phần Sao Mai"]
    rows = [f"{X70['product_number']}\t{serial}\t{HERE}" for serial in [*UNITS, "8.26E+12"]]
    table = "\n".join(["Mã sản phẩm\tSố sê-ri\tSite", *rows])
    path = f"/v1/registrations/bulk?account_id={account}"
    seen = [
        [row["status"] for row in (await day.table(day.customer, path + also, table))["results"]]
        for also in ("&dry_run=true", "", "")
    ]
    made, again = (["registered"] * len(UNITS) + ["invalid"], ["unchanged"] * len(UNITS) + ["invalid"])
    assert seen == [made, made, again]
    listed = await day.customer.get("/v1/registrations", serial=UNITS[0])
    assert [each["site_id"] for each in listed["items"]] == [day.ids["sites"][HERE]]


async def a_board_is_worked(day: Desk) -> Row:
    """What is due first stands first, for the queue and then as her own; the words of a case find it; what she asks is kept as a view."""
    engineer = day.engineer
    words = "Phòng họp lớn mất tiếng và hình"
    urgent = await day.opened(
        day.customer, a_request(serial=UNITS[0], description=words, severity="critical", observed_impact="down")
    )
    later = await day.opened(
        day.customer, a_request(serial=UNITS[1], description="A crackle now and then.", severity="minor")
    )
    await day.becomes(
        urgent["id"], lambda case: case["queue"] == "asia" and case["next_due"], "nothing is due in the queue on duty"
    )
    await day.becomes(later["id"], lambda case: case["next_due"], "nothing is due of a small thing")
    board = {"queue": "asia", "unassigned": "true", "open": "true", "sort": "next_due", "limit": "200"}
    ours = [each["id"] for each in (await engineer.get("/v1/cases", **board))["items"] if each["id"] in day.cases]
    assert ours == [urgent["id"], later["id"]]

    await engineer.post(f"/v1/cases/{urgent['id']}/assign", {})
    await engineer.post(f"/v1/cases/{urgent['id']}/notes", {"text": "I am on it.", "visibility": "public"})
    mine = {"assignee": "me", "open": "true", "sort": "next_due"}
    view = await engineer.post(
        "/v1/views", {"name": "Mine, by what is due", "query": "&".join(f"{k}={v}" for k, v in mine.items())}
    )
    assert urgent["id"] in [each["id"] for each in (await engineer.get("/v1/cases", **mine))["items"]]
    assert view["id"] in [each["id"] for each in (await engineer.get("/v1/views"))["items"]]
    found = (await day.customer.get("/v1/cases", q="phong hop lon mat tieng"))["items"]
    assert [each["id"] for each in found if each["id"] in day.cases] == [urgent["id"]]
    theirs = await day.case(urgent["id"], day.customer)
    assert theirs["answer_by"]
    assert theirs["next_due"] is None
    await day.resolves(day.engineer, later["id"], "A loose plug.")
    return urgent


async def a_pair_becomes_one(day: Desk) -> None:
    """The administrator and the reseller told of the same unit: what is said to the one goes on with the other."""
    first = await day.opened(day.customer, a_request(serial=UNITS[2], description="The screen is black."))
    second = await day.opened(day.reseller, a_request(serial=UNITS[2], description="My customer's screen is black."))
    assert (await day.case(second["id"]))["duplicate_of"] == [first["id"]]
    await day.engineer.post(f"/v1/cases/{second['id']}/merge", {"into": first["id"], "reason": "The same screen."})
    said = await day.reseller.post(
        f"/v1/cases/{second['id']}/notes", {"text": "It flickers before it goes black.", "visibility": "public"}
    )
    assert said["case_id"] == first["id"]
    duplicate = await day.case(second["id"], day.reseller)
    assert (duplicate["state"], duplicate["merged_into"]) == ("closed", first["id"])
    refusal = await day.refused(day.engineer, f"/v1/cases/{second['id']}/assign", {})
    assert " → 422 " in refusal
    assert first["id"] in refusal
    await day.resolves(day.engineer, first["id"], "A cable.")
    await day.reseller.post(f"/v1/cases/{first['id']}/works")
    assert (await day.case(first["id"]))["state"] == "closed"


async def a_serial_was_wrong(day: Desk) -> None:
    """The neighbour's label was read: nobody is covered for it. Put right, the cover is decided anew, and the clock kept its start."""
    case = await day.opened(day.customer, a_request(serial="8L2647FFFFFFFB", description="No sound."))
    wrong = await day.becomes(
        case["id"], lambda c: c["coverage"]["status"] == "not_covered", "it is not said that the unit is not covered"
    )
    right = {"product_number": X70["product_number"], "serial": UNITS[3], "reason": "I had read the neighbour's."}
    await day.customer.post(f"/v1/cases/{case['id']}/correct", right)
    now = await day.becomes(case["id"], lambda c: c["coverage"]["status"] == "covered", "the right unit is not covered")
    assert (now["opened_at"], now["site_id"]) == (wrong["opened_at"], day.ids["sites"][HERE])
    assert [(c["old"]["serial"], c["new"]["serial"]) for c in now["corrections"]] == [("8L2647FFFFFFFB", UNITS[3])]
    await day.resolves(day.engineer, case["id"], "It was muted.")
    await day.customer.post(f"/v1/cases/{case['id']}/works")


async def an_incident_hits_many(day: Desk) -> None:
    """It is announced, another company says "mine too", and a customer of several rooms asks once; a word goes to all, and all end together."""
    sao_mai, lion_gate = "Công ty Cổ phần Sao Mai", "Lion Gate Analytics Pte. Ltd."
    told = {
        "description": "Calls end after a minute.",
        "observed_impact": "down",
        "severity": "critical",
        "language": "en",
    }
    about = {"no_product_reason": "All rooms.", "account_id": day.ids["accounts"][sao_mai]}
    incident = await day.opened(day.engineer, {**told, **about})
    announcement = await day.manager.post(
        "/v1/announcements",
        {
            "title": {"vi": "Cuộc gọi bị ngắt", "en": "Calls end after a minute"},
            "text": {"vi": "Chúng tôi đang tìm nguyên nhân.", "en": "We are looking for the cause."},
            "families": ["studio"],
            "observed_impact": "down",
            "severity": "critical",
            "case_id": incident["id"],
        },
    )
    other = await day.customer_of(lion_gate)
    assert announcement["id"] in [each["id"] for each in (await other.get("/v1/announcements"))["items"]]
    unit = {"product_number": "A3SV5AA", "serial": "8L263546C8BCFC", "language": "en"}
    theirs = await other.post(f"/v1/announcements/{announcement['id']}/mine", unit)
    day.cases.append(theirs["id"])
    await day.becomes(
        theirs["id"], lambda c: c["incident_id"] == incident["id"], "what is theirs too is not part of the incident"
    )
    assert (await day.case(theirs["id"], other))["incident_id"] is None

    rooms = {"units": [{"product_number": X70["product_number"], "serial": serial} for serial in UNITS[:2]]}
    parent = await day.opened(day.customer, {**told, **rooms})
    children = (await day.customer.get("/v1/cases", parent_id=parent["id"]))["items"]
    assert sorted(each["serial"] for each in children) == UNITS[:2]
    day.cases.extend(each["id"] for each in children)
    await day.engineer.post(f"/v1/cases/{parent['id']}/incident", {"incident_id": incident["id"]})
    word = "The cause is found; it is mended within the hour."
    await day.engineer.post(f"/v1/cases/{incident['id']}/children/notes", {"text": word, "visibility": "public"})
    await day.engineer.post(f"/v1/cases/{parent['id']}/children/notes", {"text": word, "visibility": "public"})
    for id, reader in [(theirs["id"], other), *((each["id"], day.customer) for each in children)]:
        await day.shows(
            partial(reader.get, f"/v1/cases/{id}/notes"),
            lambda page: word in [note["text"] for note in page["items"]],
            "the word does not reach all",
        )
    many = [incident["id"], parent["id"], theirs["id"], *(each["id"] for each in children)]
    for action, more in {
        "assign": {},
        "resolve": {"resolution": "A release was taken back."},
        "close": {"reason": "All is well."},
    }.items():
        answer = await day.engineer.post("/v1/cases/bulk", {"action": action, "case_ids": many, **more})
        assert [each["problem"] for each in answer["results"]] == [None] * len(many), action
    assert {(await day.case(id))["state"] for id in many} == {"closed"}
    await day.manager.post(f"/v1/announcements/{announcement['id']}/end", {"reason": "It is over."})
    assert (await other.get("/v1/announcements"))["items"] == []


async def a_customer_is_asked(day: Desk) -> Row:
    case = await day.opened(day.customer, a_request(serial=UNITS[1], description="It restarts at night."))
    await day.engineer.post(f"/v1/cases/{case['id']}/assign", {})
    await day.engineer.post(
        f"/v1/cases/{case['id']}/waits", {"wait": "customer", "note": "At what time does it restart?"}
    )
    asked = await day.case(case["id"])
    assert asked["state"] == "pending"
    return asked


async def a_shift_ends(day: Desk, urgent: Row) -> None:
    """The open P1 is told of half an hour before; then it stands in the next shift's queue, nobody's, and who had it hears of it still."""
    queue = day.ids["queues"]["asia"]
    await day.live_to(await day.next_time(15, 35), queue)
    warned = await day.told("cases.shift-ends-with-open-cases")
    assert any(urgent["id"] in [case["case_id"] for case in each["cases"]] for each in warned), warned
    await day.live_to(await day.next_time(16, 1), queue)
    case = await day.becomes(
        urgent["id"], lambda c: c["queue"] == "europe", "the open P1 stays in a shift that is over"
    )
    assert case["assignee"] is None
    followers = (await day.engineer.get(f"/v1/cases/{urgent['id']}/followers"))["items"]
    assert day.ids["people"]["lan.pham@polyplus.example"] in [
        each["person"]["id"] for each in followers if each["person"]
    ]
    yusuf = await day.colleague("engineer", "yusuf.demir@polyplus.example")
    board = {"queue": "europe", "unassigned": "true", "open": "true", "sort": "next_due", "limit": "200"}
    assert urgent["id"] in [each["id"] for each in (await yusuf.get("/v1/cases", **board))["items"]]
    await yusuf.post(f"/v1/cases/{urgent['id']}/assign", {})
    await day.resolves(yusuf, urgent["id"], "The amplifier was in standby.")
    assert (await day.case(urgent["id"]))["assignee"]["id"] == day.ids["people"]["yusuf.demir@polyplus.example"]
    await day.customer.post(f"/v1/cases/{urgent['id']}/works")


async def nobody_answers(day: Desk, silent: Row) -> None:
    """Reminded twice, resolved in the end, and open again when they do answer."""
    path, now = f"/v1/cases/{silent['id']}", (await day.clock.quiet()).now
    await day.live_to(now + timedelta(days=9))
    reminded = await day.told("cases.customer-reminded", case_id=silent["id"])
    assert len(reminded) == 2, reminded
    await day.live_to(now + timedelta(days=21))
    resolved = await day.case(silent["id"])
    assert (resolved["state"], resolved["resolution"]["reason"]) == ("resolved", "customer_silent")
    await day.customer.post(f"{path}/notes", {"text": "Sorry, I was away. It still restarts.", "visibility": "public"})
    back = await day.case(silent["id"])
    assert (back["state"], back["assignee"]["id"]) == ("in_progress", day.ids["people"]["lan.pham@polyplus.example"])
    await day.resolves(day.engineer, silent["id"], "A timer was set.")
    await day.customer.post(f"{path}/works")
    assert (await day.case(silent["id"]))["state"] == "closed"
