"""Tables as people send them."""

from typing import Any

from libs.store.ids import new_id
from tests.support.harness import Harness


async def send_sheet(h: Harness, path: str, sheet: str | bytes, *, role: str = "manager", **how: Any) -> Any:
    """The answer to a table that is posted as it is; `how` are `accounts` and what else a token says."""
    headers = {
        "authorization": f"Bearer {h.token(role, **how)}",
        "idempotency-key": str(new_id()),
        "content-type": "text/csv",
    }
    body = sheet.encode() if isinstance(sheet, str) else sheet
    return await h.http.post(path, content=body, headers=headers)


def statuses(answer: Any) -> list[str]:
    """Of each row."""
    assert answer.status_code == 200, answer.text
    return [row["status"] for row in answer.json()["results"]]
