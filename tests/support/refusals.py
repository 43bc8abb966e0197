"""What was refused: a test that asks for a status alone would pass for any other mistake too."""

import re

import httpx


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """The status, and the kind of problem: `(409, "wait-ended-already")`.

    Of a request that does not fit, the place in it instead: `(422, "/severity")`; where the request as a whole does not
    fit, the sentence that says why.
    """
    body = answer.json()
    where = [_place(each) for each in body.get("errors", ()) if "pointer" in each]
    return answer.status_code, " ".join(sorted(where)) or re.split("[:/]", body["type"])[-1]


def _place(error: dict[str, str]) -> str:
    return error["detail"].removeprefix("Value error, ") if error["pointer"] == "/" else error["pointer"]
