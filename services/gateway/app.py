"""The wiring of the gateway: its own clients' API, and the door before it and before every other service."""

import asyncio
import gc
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

from fastapi import FastAPI

from libs.bus.backlog import backlog
from libs.bus.waking import notify_workers
from libs.events.gateway import PersonState
from libs.kit.auth import Verifier
from libs.kit.connection import edge_config
from libs.kit.edge import Edge, room_for
from libs.kit.health import Check
from libs.kit.requests import Requests
from libs.kit.service import END_SECONDS, Aside, Server, Service, database_answers, end_within
from libs.kit.settings import Settings
from libs.kit.vitals import watch_vitals
from libs.store import Database
from services.gateway.documents import problem_types
from services.gateway.documents.openapi import OpenApi
from services.gateway.documents.own import with_own_routes
from services.gateway.door import asgi
from services.gateway.door.door import Door
from services.gateway.door.front import documents_router, front, health_router, ops_app
from services.gateway.door.oauth import TokenEndpoint, oauth_router
from services.gateway.door.upstreams import Upstreams
from services.gateway.handlers import on, replicas
from services.gateway.identity.access_tokens import AccessTokens
from services.gateway.identity.directory import Directory
from services.gateway.queries import clients, names, people
from services.gateway.settings import DoorSettings
from services.gateway.stream.feed import Feed
from services.gateway.stream.hub import Hub
from services.gateway.stream.listening import Listening
from services.gateway.use_cases import (
    change_client,
    create_client,
    disable_client,
    disable_person,
    erase_person,
    keep_people,
    rotate_secret,
    take_leave,
)
from services.gateway.use_cases.bindings import AskOwners
from services.gateway.use_cases.bootstrap_admin import bootstrap_admin
from services.gateway.use_cases.sealing import take_seal

LONG_SECONDS = 20.0
SERVED_SECONDS = 20
"""So long the last requests may take when the process is told to end."""


class Gateway(Service):
    """`app` is the gateway's own API, a service's like any other's; `door` is what the world sees."""

    def door(
        self,
        database: Database,
        settings: DoorSettings,
        stopping: asyncio.Event,
        troubles: Mapping[str, Check] | None = None,
    ) -> tuple[asgi.App, asgi.App]:
        """The door over an open database, and what stands beside it for those who run it. `troubles`: what leaves the door ready and
        an operator has to look at all the same.

        The door's lifespan holds the connections to the services and the feed of events.
        """
        troubles = troubles or {}
        tokens, directory = AccessTokens(settings.key, settings.url), Directory(database)
        upstreams = Upstreams(
            settings.services,
            seconds=settings.upstream_seconds,
            max_body=settings.max_body_bytes,
            patience=settings.patience_seconds,
            connections=settings.upstream_connections,
            connect_seconds=settings.connect_seconds,
        )
        hub = Hub(ring=settings.ring)
        listening = Listening(
            hub,
            upstreams,
            directory,
            settings.key,
            most=settings.max_listeners,
            each=settings.max_listeners_per_client,
            heartbeat=settings.heartbeat_seconds,
        )
        own = self.app(database, Verifier(settings.key.public))
        own.state.owners = AskOwners(upstreams, settings.key)
        checks = {"database": lambda: database_answers(database)}
        openapi = OpenApi(with_own_routes(own.openapi()), upstreams, f"{settings.url}/oauth/token")

        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            async with own.router.lifespan_context(own):
                if settings.bootstrap_admin:
                    await bootstrap_admin(database, *settings.bootstrap_admin)
                loops = [
                    asyncio.create_task(Feed(hub, upstreams, settings.key).run(), name="feed"),
                    asyncio.create_task(listening.beat(stopping), name="heartbeat"),
                    asyncio.create_task(watch_vitals(database, {**checks, **troubles}, stopping), name="vitals"),
                ]
                yield
                for loop in loops:
                    loop.cancel()
                await asyncio.gather(*loops, return_exceptions=True)
                await upstreams.close()

        health = health_router(database, upstreams, stopping, troubles)
        routers = [
            oauth_router(TokenEndpoint(database, tokens), settings.key, settings.url),
            documents_router(openapi),
            health,
        ]
        door = Door(settings, tokens, directory, upstreams, listening, front(lifespan, routers), own)
        return Requests(door, inside=False, times=False), Requests(ops_app(health), inside=False, times=False)

    async def _serve(self, settings: Settings, role: str) -> None:
        """The door, and beside it what sends the facts; a worker alone is one like any service's."""
        if role == "worker":
            await super()._serve(settings, role)
            return
        database = await Database.connect(settings.database_url)
        worker = self.worker(database, settings) if role == "all" else None
        door_settings, stopping = DoorSettings.read(), asyncio.Event()
        away: Mapping[str, Check] = {"worker": partial(facts_leave, database)}
        troubles = worker.checks() if worker else {**away, **self.troubles(database)}
        door, ops = self.door(database, door_settings, stopping, troubles)
        address = urlsplit(door_settings.url)
        limits = replace(door_settings.limits, connections=room_for(door_settings.limits.connections))
        config = edge_config(
            Edge(limits, door_settings.trusted_proxies),
            door,
            host=address.hostname or "127.0.0.1",
            port=address.port or 80,
            timeout_graceful_shutdown=SERVED_SECONDS,
        )
        aside = Aside(ops, door_settings.ops_url)
        beside = [asyncio.create_task(_ends_in_time(stopping), name="ending")]
        if not worker:
            beside.append(asyncio.create_task(notify_workers(database, stopping), name="notify"))
        try:
            await aside.open()
            if worker:
                await worker.start()
            gc.collect()
            gc.freeze()
            await Server(config, stopping).serve()
        finally:
            for each in beside:
                each.cancel()
            end_within(END_SECONDS)
            if worker:
                await worker.stop()
            await aside.close()
            await asyncio.wait_for(database.close(), 10)


async def facts_leave(database: Database) -> str | None:
    """What a door without a worker of its own sees of one: None while nothing waits for long."""
    async with database.pool.acquire(timeout=1) as connection:
        waiting = (await backlog(connection)).oldest_unpublished_seconds
    return (
        f"facts have waited for {waiting:.0f} s; no worker runs, or Kafka is away" if waiting > LONG_SECONDS else None
    )


async def _ends_in_time(stopping: asyncio.Event) -> None:
    """The door's own clean-up is part of serving it, and can be held up as well."""
    await stopping.wait()
    end_within(SERVED_SECONDS + END_SECONDS)


service = Gateway(
    name="gateway",
    routers=[
        clients.router,
        create_client.router,
        change_client.router,
        rotate_secret.router,
        disable_client.router,
        people.router,
        keep_people.router,
        disable_person.router,
        take_leave.router,
        erase_person.router,
        names.router,
        problem_types.router,
    ],
    handlers=on,
    replicas=replicas,
    states=(PersonState,),
    setup=take_seal,
)
