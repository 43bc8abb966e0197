"""The wiring of activity."""

from fastapi import FastAPI

from libs.kit.service import Service
from services.activity import feed, queries
from services.activity.handlers import on


async def make_room(app: FastAPI) -> None:
    """Partitions for the months ahead; what they do not cover goes into the default one."""
    await app.state.database.pool.execute("SELECT activity_add_partitions()")


service = Service(name="activity", routers=[queries.router, feed.router], handlers=on, setup=make_room)
