"""Whatever cases say and whoever asks: found is what somebody finds who reads all that they may read."""

import unicodedata
from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.cases.tests.builders import ACCOUNT, CUSTOMER, OTHER, STRANGER, a_request, did
from tests.support.harness import Harness

WORDS = [
    "đèn",
    "ĐEN",
    "den",
    "Đến",
    "hòa",
    "hoà",
    "hoa",
    "khởi",
    "khoi",
    "kho",
    "camera",
    "cam",
    "4",
    "45",
    "sn",
    "SN-4",
]
CALLERS: list[dict[str, Any]] = [
    CUSTOMER,
    STRANGER,
    {"role": "reseller", "accounts": [ACCOUNT, OTHER]},
    {"role": "integrator", "accounts": [OTHER]},
    {"role": "partner", "accounts": [ACCOUNT]},
    {"role": "partner", "accounts": []},
    *({"role": role} for role in ("engineer", "manager", "ops", "admin")),
]
TEXT = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
NOTE = st.tuples(st.sampled_from(["public", "internal"]), TEXT)
CASE = st.tuples(st.booleans(), TEXT, st.sampled_from(["SN-4", "SN-45", "KHO-1"]), st.lists(NOTE, max_size=3))


def plain(text: str) -> str:
    parts = unicodedata.normalize("NFD", text.lower().replace("đ", "d"))
    return "".join(c for c in parts if not unicodedata.combining(c))


def words_in(text: str) -> list[str]:
    return text.lower().replace("hòa", "hoà").replace("-", " ").split()


def is_said(asked: str, text: str, labels: list[str]) -> bool:
    """By reading it: every word of `asked`, the last one perhaps in part."""

    def meets(part: str, words: list[str], *, begins: bool) -> bool:
        if part == plain(part):
            words = [plain(word) for word in words]
        return any(word.startswith(part) if begins else word == part for word in words)

    tokens = asked.split()
    for n, token in enumerate(tokens, 1):
        parts, is_last = words_in(token), n == len(tokens)
        by_parts = all(
            meets(part, words_in(text), begins=is_last and m == len(parts)) for m, part in enumerate(parts, 1)
        )
        label = token.lower()
        by_label = any(c.isdigit() for c in label) and meets(label, labels, begins=is_last)
        if not by_parts and not by_label:
            return False
    return True


@given(told=st.lists(CASE, min_size=1, max_size=4), asked=st.lists(TEXT, min_size=3, max_size=3))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_found_is_what_one_finds_who_reads_it_all(cases: Harness, told: list[Any], asked: list[str]) -> None:
    await cases.empty()
    kept = []
    for theirs, description, serial, notes in told:
        side, account = (STRANGER, OTHER) if theirs else (CUSTOMER, ACCOUNT)
        opened = (await cases.post("/v1/cases", a_request(description=description, serial=serial), **side)).json()
        for visibility, text in notes:
            await did(cases, opened["id"], "notes", {"text": text, "visibility": visibility})
        labels = [opened["number"].lower(), serial.lower()]
        kept.append((opened["id"], account, description, labels, notes))
    for caller in CALLERS:
        is_staff = "accounts" not in caller
        for q in [*asked, *(each for _, _, _, (_, each), _ in kept)]:
            expected = set()
            for id, account, description, labels, notes in kept:
                text = " ".join([description, *(text for seen, text in notes if is_staff or seen == "public")])
                if (is_staff or account in caller["accounts"]) and is_said(q, text, labels):
                    expected.add(id)
            answer = await cases.get(f"/v1/cases?q={quote(q)}", **caller)
            assert {each["id"] for each in answer.json()["items"]} == expected, (caller, q, kept)
