"""`view=summary` asked of a service: one line for each row of a list."""

from typing import Any

from tests.support.harness import Harness

AT_LEAST = {"id", "account_id", "state", "updated_at"}


async def shows_one_line_of_each(service: Harness, path: str, **how: Any) -> None:
    """The list is not empty; in short it has a part of each row's answer and the same ETags, and there is no third view."""
    whole = (await service.get(path, **how)).json()
    short = (await service.get(f"{path}?view=summary", **how)).json()
    assert whole["items"]
    assert [line["id"] for line in short["items"]] == [each["id"] for each in whole["items"]]
    for line, each in zip(short["items"], whole["items"], strict=True):
        assert line.keys() >= AT_LEAST
        assert line.items() < each.items()
    assert short["etags"] == whole["etags"]
    assert (await service.get(f"{path}?view=all", **how)).status_code == 422
