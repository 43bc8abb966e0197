"""rma: advance replacement, wired."""

from libs.kit.policy_routes import policy_router
from libs.kit.service import Service
from services.rma.handlers import jobs, on, projections, replicas, timers
from services.rma.model.policy import policies
from services.rma.queries import charges, network, papers, parts, promises, rmas, serials, stock
from services.rma.queries.open_work import parts_not_sent_to
from services.rma.use_cases import (
    cancel_rma,
    confirm_installed,
    deliver_part,
    dispute_invoice,
    hear_carrier,
    inspect_return,
    keep_calendars,
    keep_network,
    keep_parts,
    move_stock,
    override_rma,
    pick_part,
    re_source_rma,
    receive_return,
    report_dead_on_arrival,
    report_found,
    report_lost,
    send_again,
    settle_invoice,
    ship_part,
    short_pick,
    take_parts,
    take_stock,
)

_ROOMS = (
    rmas,
    papers,
    promises,
    stock,
    serials,
    parts,
    network,
    override_rma,
    pick_part,
    report_found,
    send_again,
    re_source_rma,
    ship_part,
    deliver_part,
    confirm_installed,
    report_lost,
    report_dead_on_arrival,
    cancel_rma,
    receive_return,
    inspect_return,
    settle_invoice,
    dispute_invoice,
    charges,
    short_pick,
    hear_carrier,
    take_parts,
    take_stock,
    keep_parts,
    keep_network,
    keep_calendars,
    move_stock,
)

service = Service(
    name="rma",
    routers=[*(room.router for room in _ROOMS), policy_router(policies)],
    handlers=on,
    timers=timers,
    jobs=jobs,
    projections=projections,
    replicas=replicas,
    open_work={"contact": parts_not_sent_to},
)
