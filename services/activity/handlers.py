"""Every event of every service goes into the stream."""

from libs.bus import Handlers
from services.activity.use_cases.append_events import append_events

TOPICS = (
    "cases.events",
    "devices.events",
    "ecps.events",
    "entitlements.events",
    "escalation.events",
    "onsite.events",
    "rma.events",
)

on = Handlers("activity")
on.every(*TOPICS)(append_events)
