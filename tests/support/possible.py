"""Role × command: what an answer calls `possible`, held against what each command answers to each role.

A service's `tests/test_possible.py` says how its aggregate comes into a state and what each command is sent: a body that no rule about
bodies refuses, so that a refusal is one of the state, the case or the role.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

import httpx

from libs.kit.auth import ROLES
from tests.support.harness import Harness
from tests.support.refusals import refusal


async def wrongly_possible(
    h: Harness, path: str, bodies: Callable[[str], Mapping[str, Any]], make: Callable[[str], Awaitable[UUID]]
) -> list[str]:
    """Where a role is told more, or less, than it can do with the aggregate that `make` makes under a name, each time in one state.

    `path` is the list's; `bodies` are a role's by command, which is the last word of its path.
    """
    wrong, id = [], await make("first")
    for role in sorted(ROLES):
        shown = await h.get(f"{path}/{id}", role=role)
        possible = shown.json()["possible"] if shown.status_code == 200 else []
        for command, body in bodies(role).items():
            answer = await h.post(f"{path}/{id}/{command.replace('_', '-')}", body, role=role)
            if _is_refused(answer) == (command in possible):
                wrong.append(f"{command} as {role}, told {possible}: {answer.status_code} {answer.text[:200]}")
            if _is_refused(answer) and "possible" in answer.json():
                said = answer.json()["possible"]
                if said != possible and (possible or len(said) != 1):
                    wrong.append(f"{command} as {role}, told {possible}: is refused with {said}")
            if answer.status_code < 400:
                id = await make(f"{role} {command}")
    return wrong


def _is_refused(answer: httpx.Response) -> bool:
    """For the state, the case, the role or whose row it is; not for the body."""
    return answer.status_code in (403, 404, 409) or (
        answer.status_code == 422 and refusal(answer) == (422, "case-closed-to-commands")
    )
