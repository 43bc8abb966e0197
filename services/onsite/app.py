"""Onsite: the technician's visit, from the diagnosis to the sign-off."""

from libs.kit.policy_routes import policy_router
from libs.kit.service import Service
from services.onsite.handlers import on, projections, replicas, timers
from services.onsite.model.policy import policies
from services.onsite.queries import day_plans, master_data, work_orders
from services.onsite.queries.open_work import visits_by, visits_to
from services.onsite.use_cases import (
    approve_software,
    arrive,
    book_visit,
    call_off,
    depart,
    fail_visit,
    keep_places,
    keep_technicians,
    replan_day,
    run_late,
    sign_off,
    undo_departure,
    work_at_site,
)

service = Service(
    name="onsite",
    routers=[
        work_orders.router,
        master_data.router,
        day_plans.router,
        book_visit.router,
        depart.router,
        undo_departure.router,
        run_late.router,
        arrive.router,
        work_at_site.router,
        sign_off.router,
        fail_visit.router,
        approve_software.router,
        call_off.router,
        keep_technicians.router,
        keep_places.router,
        replan_day.router,
        policy_router(policies),
    ],
    handlers=on,
    timers=timers,
    projections=projections,
    replicas=replicas,
    open_work={"contact": visits_to, "person": visits_by},
)
