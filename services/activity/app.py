"""The wiring of activity."""

from libs.kit.service import Service
from services.activity import clock, feed
from services.activity.handlers import on, replicas
from services.activity.queries import events, timeline

service = Service(
    name="activity",
    routers=[timeline.router, events.router, feed.router, clock.router],
    handlers=on,
    replicas=replicas,
    journal=("activity_events", "seq", "time"),
)
