"""The credentials of the roles' clients: made by the gateway, kept in the stack's environment."""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from deploy.local import environment
from deploy.local.demo.admin import Admin, NotLoaded


async def hand_over(admin: Admin, client: dict[str, Any], env: MutableMapping[str, str]) -> None:
    """The client's id and secret are in the environment, and in its file, after this.

    A secret is shown once. Of a client whose secret is not known here (the start that made it was interrupted before it could
    write) a new one is asked for. A disabled client stays as it is. Raises NotLoaded.
    """
    prefix = f"POLYPLUS_CLIENT_{client['role'].upper()}"
    secret: str | None = client.get("secret")
    if secret is None:
        is_known = env.get(f"{prefix}_ID") == client["id"] and f"{prefix}_SECRET" in env
        if is_known or client["disabled_at"]:
            return
        why = {"why": "its secret was not kept here"}
        answer = await admin.post(f"/v1/clients/{client['id']}/secret", why, key=str(uuid4()))
        if answer.status_code != 201:
            raise NotLoaded(f"demo data: no secret for the {client['role']}'s client: {answer.text}")
        secret = answer.json()["secret"]
    env[f"{prefix}_ID"], env[f"{prefix}_SECRET"] = client["id"], secret
    environment.write(Path(env["POLYPLUS_HOME"]), env)
