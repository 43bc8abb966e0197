"""deploy/services.toml is the one list of the services: it says what is so, and nothing is in another list alone."""

import re
from itertools import chain
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from deploy.services import ENTRIES, PUBLISHING, SERVICES, STATE_TOPICS
from deploy.topics import PUBLISHERS
from libs.events import catalogue
from services.gateway.routes import STREAM, owner
from tests.support.services import service

ROOT = Path(__file__).parents[2]
OF_ANOTHER = {"/v1/cases/{case_id}/timeline", "/v1/events/stream"}
"""Paths below one service's resource that another answers."""
each_service = pytest.mark.parametrize("name", SERVICES)


def test_every_service_there_is_has_an_entry() -> None:
    assert {room.parent.name for room in (ROOT / "services").glob("*/app.py")} == set(SERVICES)


def test_no_port_and_no_resource_is_given_twice() -> None:
    ports = [entry.port for entry in ENTRIES.values()]
    resources = list(chain.from_iterable(entry.resources for entry in ENTRIES.values()))
    assert len(ports) == len(set(ports))
    assert len(resources) == len(set(resources))


@each_service
def test_a_service_s_routes_are_below_its_resources(name: str) -> None:
    paths = [
        route.path
        for router in service(name).routers
        for route in router.routes
        if isinstance(route, APIRoute) and route.path.startswith("/v1/")
    ]
    assert [path for path in paths if path not in OF_ANOTHER and owner(path) not in (name, STREAM)] == []
    answered = {path.split("/")[2] for path in paths}
    assert set(ENTRIES[name].resources) - answered == set()


@each_service
def test_a_service_is_called_by_its_name_and_writes_the_state_it_says(name: str) -> None:
    assert (service(name).name, tuple(service(name).state_topics)) == (name, ENTRIES[name].state_topics)


def test_what_is_published_has_a_topic() -> None:
    told = {event.contract.topic for event in catalogue.published().values()}
    assert told <= {f"{service}.events" for service in PUBLISHERS}
    assert {each.contract.topic for each in catalogue.states().values()} == set(STATE_TOPICS)


@each_service
def test_who_has_a_worker_has_a_topic_for_what_it_cannot_handle(name: str) -> None:
    assert ("worker" in ENTRIES[name].roles) == (name in PUBLISHING)


@each_service
def test_a_reader_finds_it_on_both_maps(name: str) -> None:
    assert re.search(
        rf"^\| \[{name}\]\(services/{name}/README.md\) \| \w", (ROOT / "README.md").read_text(), re.MULTILINE
    )
    assert re.search(rf"^  {name}/ +\w", (ROOT / "ARCHITECTURE.md").read_text(), re.MULTILINE)
