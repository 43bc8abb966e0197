"""The nine steps of the main job, as people do them: each acts through the API and then sees, from outside, what came of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from deploy.local.story.stage import Row, Stage, a_serial
from deploy.local.story.witness import NotSeen

PRODUCT = "8L531AA"  # Studio X70 with TC10
PARTNER = "Microsoft Teams"


async def register(s: Stage) -> str:
    """1. A Studio X70 in Ho Chi Minh City is registered; its Poly+ contract includes the onsite option (S16, S28)."""
    customer = s.people["customer"]
    s.known["site"] = await s.becomes("customer", "/v1/sites", lambda r: r["city"] == "Ho Chi Minh City", "the site")
    body = {"product_number": PRODUCT, "serial": a_serial(), "site_id": s["site"]["id"]}
    s.known["unit"] = await customer.post("/v1/registrations", body)
    covered = await customer.get("/v1/coverage", product_number=PRODUCT, serial=body["serial"])
    if not (covered["covered"] and covered["onsite"]):
        raise NotSeen(f"the unit is not covered with onsite: {covered}")
    return f"serial {body['serial']}, covered by {covered['plan']} with onsite"


async def open_case(s: Stage) -> str:
    """2. The device loses its camera; the administrator opens a case and adds a note (S11, S12, S18)."""
    customer = s.people["customer"]
    opened = await customer.post(
        "/v1/cases",
        {
            "description": "Phòng họp tầng 12: camera của Studio X70 không lên hình. No picture from the camera.",
            "observed_impact": "down",
            "severity": "critical",
            "language": "vi",
            "product_number": PRODUCT,
            "serial": s["unit"]["serial"],
            "site_id": s["site"]["id"],
        },
    )
    s.case_id, s.known["case"] = opened["id"], opened
    await s.event("cases.case-opened", priority="P1")
    await s.event("entitlements.coverage-decided", covered=True, onsite=True)
    note = {"text": "Đã khởi động lại hai lần, vẫn không có hình.", "visibility": "public"}
    await customer.post(f"/v1/cases/{s.case_id}/notes", note)
    await s.event("cases.note-added", origin="customer")
    found = await s.becomes(
        "customer", f"/v1/cases/{s.case_id}", lambda c: c["coverage"]["status"] == "covered", "covered"
    )
    return f"{found['number']}, {found['priority']}, coverage {found['coverage']['status']}"


def fits_as_camera(part: Row) -> bool:
    return part["component"] == "camera module" and any(fit["product_number"] == PRODUCT for fit in part["fits"])


async def diagnose(s: Stage) -> str:
    """3. A support engineer diagnoses a failed camera module remotely: FaultDiagnosed (S26)."""
    engineer = s.people["engineer"]
    case = f"/v1/cases/{s.case_id}"
    await engineer.post(f"{case}/assign", {})
    await engineer.post(
        f"{case}/notes", {"text": "Tôi đã nhận yêu cầu và đang kiểm tra từ xa.", "visibility": "public"}
    )
    await s.event("cases.first-response-sent")
    camera = await s.becomes("engineer", "/v1/parts", fits_as_camera, "a camera module for it")
    s.known["diagnosis"] = await engineer.post(
        f"{case}/diagnoses",
        {
            "component": "camera module",
            "fault_code": "CAM-NO-SIGNAL",
            "domain": "hardware",
            "remedy": "onsite_replacement",
            "part_number": camera["part_number"],
            "findings": "The camera does not answer on its bus after two restarts and a factory reset.",
            "confidence": "high",
        },
    )
    fault = await s.event("cases.fault-diagnosed", diagnosis_id=s["diagnosis"]["id"])
    return f"{fault['component']}: {fault['remedy']}, part {fault['part_number']}"


async def replace(s: Stage) -> str:
    """4. An advance replacement is authorised, reserved, promised with reasons, and shipped with tracking (S2, S3, S19)."""
    reserved = await s.event("rma.part-reserved", diagnosis_id=s["diagnosis"]["id"])
    path = f"/v1/rmas/{reserved['rma_id']}"

    def labelled(rma: dict[str, object]) -> bool:
        parcels = rma["shipments"]
        return isinstance(parcels, list) and any(p["direction"] == "outbound" and p["tracking"] for p in parcels)

    await s.becomes("depot", path, labelled, "the carrier's label")
    serial = f"CAM{s['unit']['serial'][-8:]}"
    s.known["rma"] = await s.people["depot"].post(f"{path}/ship", {"serial": serial})
    shipped = await s.event("rma.part-shipped", rma_id=reserved["rma_id"])
    seen = await s.becomes("customer", path, lambda r: r["state"] == "shipped", "the customer sees the shipment")
    why = "; ".join(reason["text"] for reason in seen["promise"]["reasons"])
    return f"{seen['number']} {shipped['carrier']} {shipped['tracking']}, promised {shipped['promised']} ({why}), due {shipped['contract_due']}"


async def plan_visit(s: Stage) -> str:
    """5. The earliest business-hours visit after the part's expected arrival is booked (S26, S31)."""
    visit = await s.event("onsite.visit-scheduled", diagnosis_id=s["diagnosis"]["id"])
    promised_by = datetime.fromisoformat(s["rma"]["promise"]["promised_by"])
    if datetime.fromisoformat(visit["window"]["starts"]) < promised_by:
        raise NotSeen(f"the visit {visit['window']} starts before the part is promised ({promised_by})")
    s.known["visit"] = await s.becomes(
        "customer", f"/v1/work-orders/{visit['work_order_id']}", lambda w: w["state"] == "planned", "the planned visit"
    )
    return f"{s['visit']['number']}: {s['visit']['appointment']['technician_name']}, window from {visit['window']['starts']}"


async def ask_partner(s: Stage) -> str:
    """6. The fault shows only inside Teams Rooms: at the customer's request a ticket is opened with the partner and followed (S4–S10)."""
    engineer, customer = s.people["engineer"], s.people["customer"]
    partner = await s.becomes("engineer", "/v1/partners", lambda p: PARTNER in p["name"], PARTNER)
    diagnosis = await engineer.post(
        f"/v1/cases/{s.case_id}/diagnoses",
        {
            "component": "Teams Rooms",
            "fault_code": "TEAMS-CAM-POLICY",
            "domain": "partner_environment",
            "remedy": "partner_ticket",
            "partner_id": partner["id"],
            "findings": "Outside Teams Rooms the image returns for minutes; inside it, a tenant policy turns the camera off.",
            "confidence": "medium",
        },
    )
    await customer.post(f"/v1/cases/{s.case_id}/partner-ticket-request", {"consent": True})
    opened = await s.event("ecps.partner-ticket-opened", diagnosis_id=diagnosis["id"])
    ticket = opened["ticket_number"]
    await s.becomes(
        "customer", f"/v1/cases/{s.case_id}", lambda c: c["state"] == "pending", "the case waits for the partner"
    )
    await s.at_the_partner(ticket, "progress", "We are looking at the tenant's device policy.")
    await s.event("ecps.partner-ticket-updated", engagement_id=opened["engagement_id"])
    await s.at_the_partner(ticket, "resolve", "The policy is corrected for Teams Rooms devices.")
    await s.event("ecps.partner-ticket-resolved", engagement_id=opened["engagement_id"])
    await s.event("cases.case-resumed", wait="partner")
    return f"{opened['partner_name']} ticket {ticket}, opened, updated and resolved"


async def escalate(s: Stage) -> str:
    """7. The case passes 75 % and 100 % of its resolution threshold; managers are told, an expert joins (S23, S24)."""
    manager = s.people["manager"]
    clock = await s.becomes(
        "engineer",
        "/v1/clocks",
        lambda c: c["kind"] == "resolution" and c["state"] == "running",
        "the clock",
        case_id=s.case_id,
    )
    due = datetime.fromisoformat(clock["due_at"])
    await s.live_to(due + timedelta(seconds=5))
    tells = await s.event("escalation.threshold-breached", clock="resolution", percent=75)
    raises = await s.event("escalation.threshold-breached", clock="resolution", percent=100)
    if not any(r["kind"] == "duty_manager" for r in tells["recipients"]):
        raise NotSeen(f"the duty manager is not among the recipients: {tells['recipients']}")
    breach = raises["breach_id"]
    raised = await s.becomes(
        "manager",
        "/v1/escalations",
        lambda e: breach in (e["breach_id"], *(each["breach_id"] for each in e["joined"])),
        "the escalation, raised by this or joined by it",
        case_id=s.case_id,
    )
    await s.event("escalation.escalation-raised", escalation_id=raised["id"])
    path = f"/v1/escalations/{raised['id']}"
    called = await manager.post(f"{path}/acknowledge", {"note": "Taking it."})
    engaged = await manager.post(f"{path}/engage-expert", {"reason": "A camera fault that shows only in Teams Rooms."})
    await s.event("escalation.expert-engaged", escalation_id=raised["id"])
    await manager.post(f"{path}/resolve", {"resolution": "The part is on its way and the visit is booked."})
    await s.event("escalation.escalation-resolved", escalation_id=raised["id"])
    people = ", ".join(sorted({r["name"] or r["kind"] for r in called["recipients"]}))
    return f"told at 75 % and 100 %: {people}; {engaged['experts'][-1]['name']} joined"


async def visit(s: Stage) -> str:
    """8. At the visit first booked the technician installs the part and both sides sign; the case resolves; the defective part that never comes is invoiced (S27, S3)."""
    order, rma = f"/v1/work-orders/{s['visit']['id']}", f"/v1/rmas/{s['rma']['id']}"

    async def delivered() -> bool:
        return (await s.people["customer"].get(rma))["delivered_at"] is not None

    await s.live_until(delivered, "the part is delivered", days=10)
    part = await s.event("rma.part-delivered", rma_id=s["rma"]["id"])
    planned = await s.becomes("technician", order, lambda w: w["state"] == "planned", "the visit")
    if planned["appointment"] != s["visit"]["appointment"]:
        raise NotSeen(f"the visit was booked again: {planned['appointment']}, not {s['visit']['appointment']}")
    await s.live_to(datetime.fromisoformat(planned["appointment"]["window"]["starts"]))
    technician = s.people["technician"]
    await technician.post(f"{order}/depart")
    await technician.post(f"{order}/arrive")
    await technician.post(f"{order}/check-in", {"engineer": "Support desk, Asia"})
    await technician.post(f"{order}/steps", {"work": "troubleshooting", "name": "Camera bus probed", "passed": False})
    serials = {"serial_in": s["rma"]["shipped_serial"], "serial_out": f"OLD{s['unit']['serial'][-8:]}"}
    await technician.post(f"{order}/install", serials)
    await technician.post(f"{order}/steps", {"work": "test", "name": "Picture in a Teams Rooms call", "passed": True})
    await s.people["engineer"].post(f"{order}/sign-off", {"side": "support", "name": "Support desk, Asia"})
    signed = await s.people["customer"].post(f"{order}/sign-off", {"side": "customer"})
    await s.event("onsite.visit-completed", work_order_id=s["visit"]["id"])
    await s.event("rma.replacement-installed", rma_id=s["rma"]["id"])
    await s.event("cases.case-resolved")
    due = await s.event("rma.defective-return-due", rma_id=s["rma"]["id"])
    await s.people["customer"].post(f"/v1/cases/{s.case_id}/close", {"reason": "Hình ảnh ổn định."})
    await s.event("cases.case-closed")

    async def invoiced() -> bool:
        return (await s.people["customer"].get(rma))["invoice"] is not None

    await s.live_until(invoiced, "the missing return is invoiced", days=40)
    bill = await s.event("rma.non-return-invoiced", rma_id=s["rma"]["id"])
    return (
        f"delivered {part['delivered_at']}, signed by {signed['appointment']['sign_offs']['customer']['name']}, return due {due['due']}, "
        f"never came: invoiced {bill['amount']['amount_minor'] / 100:.2f} {bill['amount']['currency']}"
    )


async def look_back(s: Stage) -> str:
    """9. One timeline of all of this; the live stream and the topics showed the same facts (C5, C6)."""

    async def same() -> bool:
        s.known["timeline"] = {"items": await timeline(s, "ops")}
        listed = {e["id"] for e in s["timeline"]["items"]}
        return listed == of_the_case(s.witness.on_kafka, s.case_id) == of_the_case(s.witness.on_stream, s.case_id)

    async def look() -> dict[str, object] | None:
        return {"same": True} if await same() else None

    from deploy.local.story.witness import seen

    await seen(look, lambda: f"timeline, stream and topics show the same events: {_differences(s)}")
    public = await timeline(s, "customer")
    if s.witness.duplicates_on_stream or not 0 < len(public) < len(s["timeline"]["items"]):
        raise NotSeen(f"{s.witness.duplicates_on_stream} duplicates on the stream, {len(public)} public events")
    return f"{len(s['timeline']['items'])} events on timeline, stream and topics alike; the administrator reads {len(public)} of them"


async def timeline(s: Stage, role: str) -> list[dict[str, object]]:
    """The whole timeline of the case as this role sees it."""
    rows: list[dict[str, object]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await s.people[role].get(f"/v1/cases/{s.case_id}/timeline", limit=200, **cursor)
        rows += page["items"]
        if page["next_cursor"] is None:
            return rows
        cursor = {"cursor": page["next_cursor"]}


def of_the_case(events: dict[str, dict[str, object]], case_id: str) -> set[str]:
    """The ids of the events that carry this case."""
    found = set()
    for id, event in list(events.items()):
        data = event["data"]
        if isinstance(data, dict) and data.get("case_id") == case_id:
            found.add(id)
    return found


def _differences(s: Stage) -> str:
    kafka, stream = (of_the_case(seen, s.case_id) for seen in (s.witness.on_kafka, s.witness.on_stream))
    listed = {str(e["id"]) for e in s["timeline"]["items"]}
    return f"{len(kafka)} on Kafka, {len(stream)} on the stream, {len(listed)} on the timeline"


STEPS: tuple[Callable[[Stage], Awaitable[str]], ...] = (
    register, open_case, diagnose, replace, plan_visit, ask_partner, escalate, visit, look_back,
)  # fmt: skip
