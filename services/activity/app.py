"""The wiring of activity."""

from libs.kit.service import Service
from services.activity import feed, queries
from services.activity.handlers import on

service = Service(
    name="activity", routers=[queries.router, feed.router], handlers=on, journal=("activity_events", "seq", "time")
)
