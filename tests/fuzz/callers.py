"""A client for each role, bound as the sandbox's own and with a rate that a fuzz cannot use up; and what there is to name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from deploy.local.environment import ROLES
from tests.fuzz.pairs import NOBODY

_RATE = 1_000_000
_BOUND_BY = ("accounts", "partner_id", "depots", "depot_id", "technician_id")
Json = dict[str, Any]


@dataclass
class Callers:
    """Their tokens, and the ids of their clients, which nobody may end in the middle."""

    url: str
    tokens: dict[str, str] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)

    def headers(self, role: str) -> dict[str, str]:
        """What says who calls; nothing for nobody."""
        return {} if role == NOBODY else {"authorization": f"Bearer {self.tokens[role]}"}


async def hire(env: Mapping[str, str], http: httpx.AsyncClient) -> Callers:
    """Raises httpx.HTTPStatusError."""
    callers = Callers(env["POLYPLUS_GATEWAY_URL"])
    for role in ROLES:
        callers.ids.add(env[f"POLYPLUS_CLIENT_{role.upper()}_ID"])
    admin = await _token(env["POLYPLUS_CLIENT_ADMIN_ID"], env["POLYPLUS_CLIENT_ADMIN_SECRET"], callers, http)
    asking = {"authorization": f"Bearer {admin}"}
    for role in ROLES:
        own = await _json(
            http.get(f"{callers.url}/v1/clients/{env[f'POLYPLUS_CLIENT_{role.upper()}_ID']}", headers=asking)
        )
        body = {name: own[name] for name in _BOUND_BY if own.get(name)}
        body |= {"name": f"Fuzz, {role}", "role": role, "requests_per_second": _RATE}
        made = await _json(
            http.post(f"{callers.url}/v1/clients", json=body, headers=asking | {"idempotency-key": str(uuid4())})
        )
        callers.ids.add(made["id"])
        callers.tokens[role] = await _token(made["id"], made["secret"], callers, http)
    return callers


async def _token(id: str, secret: str, callers: Callers, http: httpx.AsyncClient) -> str:
    form = {"grant_type": "client_credentials"}
    return str((await _json(http.post(f"{callers.url}/oauth/token", data=form, auth=(id, secret))))["access_token"])


async def _json(asked: Any) -> Json:
    found: Json = (await asked).raise_for_status().json()
    return found


async def known_ids(document: Json, callers: Callers, http: httpx.AsyncClient) -> dict[str, list[str]]:
    """By resource (`cases`), ids that the lists show to staff: a fuzz that names only what nobody has tries the front door alone."""
    known: dict[str, list[str]] = defaultdict(list)
    for path, item in document["paths"].items():
        if "get" not in item or "{" in path or path.count("/") != 2 or not path.startswith("/v1/"):
            continue
        for role in ("admin", "manager", "ops"):
            answer = await http.get(f"{callers.url}{path}", headers=callers.headers(role))
            items = answer.json().get("items", []) if answer.status_code == 200 else []
            found = [str(each["id"]) for each in items if isinstance(each, dict) and "id" in each]
            known[path.removeprefix("/v1/")] += [id for id in found if id not in callers.ids]
    return {resource: sorted(set(ids)) for resource, ids in known.items() if ids}
