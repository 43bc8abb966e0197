"""Known errors are found among many, by what a text says, the unit's product and its firmware."""

from asyncio import gather
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from deploy.local.databases import create_service_database
from deploy.local.migrate import migrate
from libs.events.cases_work import ProblemUpdated
from libs.store import Database, Scope
from services.cases.model.problem import Problem
from services.cases.model.terms import terms_of
from services.cases.queries.likely_problems import BUDGET, Unit, likely
from services.cases.tests.builders import CUSTOMER, a_request, did, opened
from services.cases.tests.symptoms import distractors, known_errors, texts, typed_otherwise
from services.cases.tests.symptoms.measuring import fill, missed
from services.cases.tests.test_problems import KEYWORDS, SYMPTOM, a_problem, respond
from tests.contract.test_labels_in_rows import a_row
from tests.support.harness import Harness
from tests.support.lists import plan_of, rows_read
from tests.support.refusals import refusal

MANY = 400
LEAST = 0.92


async def found(h: Harness, query: str, **who: Any) -> list[str]:
    answer = await h.get(f"/v1/problems?{query}", **who)
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["items"]]


async def proposed(h: Harness, **fields: Any) -> list[str]:
    answer = await h.post("/v1/cases", a_request(**fields), **CUSTOMER)
    assert answer.status_code == 201, answer.text
    return [each["id"] for each in answer.json()["known_errors"]]


async def a_known_error(h: Harness, **fields: Any) -> str:
    problem = await a_problem(h, **fields)
    assert (await respond(h, problem, workaround="Restart it.")).status_code == 200
    return str(problem)


# --- among many ---------------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def many(postgres_url: str) -> AsyncIterator[tuple[Database, asyncpg.Connection]]:
    """The labelled known errors among hundreds of others."""
    made = await create_service_database(postgres_url, "cases", prefix="many_")
    await migrate("cases", made.owner_url)
    owner = await asyncpg.connect(made.owner_url)
    await fill(owner, [*distractors(MANY), *known_errors()])
    database = await Database.connect(made.runtime_url, size=1)
    yield database, owner
    await database.close()
    await owner.close()


@pytest.mark.promise("S25")
@pytest.mark.parametrize("half", ["first", "second"])
async def test_the_known_error_is_among_the_first_five(many: tuple[Database, asyncpg.Connection], half: str) -> None:
    asked = [each for each in texts() if each.half == half]
    lost = await missed(many[0], asked)
    assert len(lost) <= (1 - LEAST) * len(asked), lost


@pytest.mark.promise("S25")
@pytest.mark.parametrize("way", sorted({each.way for each in typed_otherwise()}))
async def test_it_is_found_however_vietnamese_is_typed(many: tuple[Database, asyncpg.Connection], way: str) -> None:
    asked = [each for each in typed_otherwise() if each.way == way]
    lost = await missed(many[0], asked)
    assert len(lost) <= (1 - LEAST) * len(asked), lost


async def test_a_common_word_reads_no_more_rows_than_the_budget(many: tuple[Database, asyncpg.Connection]) -> None:
    """By the index of words alone: a walk would read all."""
    database, _ = many
    heard: list[Any] = []
    async with database.transaction(Scope("staff")) as tx:
        tx.connection.add_query_logger(heard.append)
        unit = Unit("977L6AA", "6.1.0")
        assert await likely(tx, "màn hình bị treo", unit, published=True, limit=5)
        await tx.connection.execute("SET LOCAL enable_seqscan = off")
        plan = await plan_of(tx.connection, heard[-1].query, heard[-1].args)
        tx.connection.remove_query_logger(heard.append)
    assert 0 < rows_read(plan, "problem_words") <= BUDGET
    assert rows_read(plan, "problems") <= 5


# --- what fits the unit -------------------------------------------------------------------------------------------------


async def test_rare_words_count_more_than_how_new_a_problem_is(cases: Harness) -> None:
    """Newer problems with more of the text's ordinary words hid the one that is meant."""
    meant = await a_known_error(cases, symptom="Bị sọc", keywords=["stripes", "sọc"])
    for n in range(8):
        await a_known_error(cases, symptom=f"Màn hình camera {n}", keywords=["yellow", "ố vàng"])

    assert (await found(cases, "q=màn hình camera bị sọc"))[0] == meant
    assert (await proposed(cases, description="màn hình camera bị sọc"))[0] == meant


async def test_errors_of_no_product_and_of_others_are_found_for_a_product(cases: Harness) -> None:
    """Of its own first, then those of none, then those of a family, then those of others."""
    others = await a_known_error(cases, product_numbers=["849B6AA"], family="trio")
    of_family = await a_known_error(cases, product_numbers=[], family="studio")
    general = await a_known_error(cases, product_numbers=[])
    own = await a_known_error(cases, product_numbers=["83Z52AA"], family="studio")

    order = [own, general, of_family, others]
    assert await found(cases, "q=mất hình&product_number=83z52aa", **CUSTOMER) == order
    assert await proposed(cases, description="mất hình") == order[:3]
    assert {*(await found(cases, "product_number=83Z52AA"))} == {own, general, of_family}
    assert await found(cases, "q=mất hình&family=trio") == [others]


@pytest.mark.parametrize(
    ("firmware", "first"),
    [
        ("4.4.9", "other"),  # came later
        ("4.5", "this"),
        ("4.5.9-448317", "this"),
        ("v4.6.0", "other"),  # fixed
        ("4.10.1", "other"),
        (None, "this"),
        ("unknown", "this"),
    ],
)
async def test_what_is_fixed_in_the_units_release_or_came_later_is_not_first(
    cases: Harness, firmware: str | None, first: str
) -> None:
    this = await a_problem(cases, affected_from="4.5.0-448317")
    await respond(cases, this, "fix", fix_release="4.6.0")
    other = await a_known_error(cases, symptom="Camera không nhận hình sau khi cập nhật, hiếm gặp lạ thường")

    more = {"firmware": firmware} if firmware else {}
    known = await proposed(cases, description="Camera không nhận hình sau khi cập nhật", **more)
    assert known[0] == {"this": str(this), "other": other}[first]
    assert {*known} == {str(this), other}


async def test_a_fix_that_failed_hides_nothing(cases: Harness) -> None:
    problem = await a_problem(cases)
    other = await a_known_error(cases, symptom="Camera không nhận hình sau khi cập nhật, hiếm gặp lạ thường")
    await respond(cases, problem, "fix", fix_release="4.6.0")
    assert (await proposed(cases, description=SYMPTOM, firmware="4.6.1"))[0] == other

    await respond(cases, problem, workaround="Go back to 4.5.")
    assert (await proposed(cases, description=SYMPTOM, firmware="4.6.1"))[0] == str(problem)


async def test_the_release_that_brought_it_is_told_and_has_a_number(cases: Harness) -> None:
    problem = await a_problem(cases, affected_from="4.5.0")

    assert [told.affected_from for told in await cases.events(ProblemUpdated)] == ["4.5.0"]
    assert (await cases.get(f"/v1/problems/{problem}")).json()["affected_from"] == "4.5.0"
    refused = await cases.post("/v1/problems", {"symptom": "x", "affected_from": "the newest"})
    assert refusal(refused) == (422, "/affected_from")


async def test_what_says_little_of_a_request_is_not_proposed(cases: Harness) -> None:
    """A word that everything has is no reason."""
    rest = "thanh toán hóa đơn bảo trì, bản sao hợp đồng, biên bản nghiệm thu"
    meant = await a_known_error(cases, symptom=rest, keywords=["invoice", "hóa đơn"])
    for n in range(5):
        await a_known_error(cases, symptom=f"camera {n}", keywords=["camera", "máy quay có dấu"])

    assert await proposed(cases, description=f"{rest} camera") == [meant]
    assert len(await found(cases, f"q={rest} camera")) == 6


@pytest.mark.parametrize("text", ["vidoe updaet", "cammera", "udpate"])
async def test_mistyped_words_are_mended(cases: Harness, text: str) -> None:
    known = await a_known_error(cases)
    assert await found(cases, f"q={text}") == [known]


# --- words follow the texts ---------------------------------------------------------------------------------------------


async def test_words_and_counts_are_those_of_the_texts_that_are_there(cases: Harness) -> None:
    first = await a_problem(cases, symptom="Quokka camera", keywords=["wombat"])
    await a_problem(cases, symptom="Wombat camera", keywords=[], product_numbers=[])
    assert await counted(cases) == await counted_anew(cases)
    path = f"/v1/problems/{first}"
    etag = (await cases.get(path)).headers["etag"]
    await cases.patch(path, {"symptom": "Numbat", "keywords": [], "product_numbers": []}, etag=etag)

    counts = await counted(cases)
    assert counts == await counted_anew(cases)
    assert "quokka" not in counts
    assert counts["wombat"] == 1
    assert await found(cases, "q=quokka") == []
    async with cases.transaction() as tx:
        await tx.connection.execute("DELETE FROM problems")
    assert {name for name, count in (await counted(cases)).items() if count} == set()


async def counted(h: Harness) -> dict[str, int]:
    async with h.transaction() as tx:
        return {r["word"]: r["problems"] for r in await tx.connection.fetch("SELECT * FROM problem_word_counts")}


async def counted_anew(h: Harness) -> dict[str, int]:
    """From the rows of problems themselves."""
    counts = Counter[str]()
    async with h.transaction() as tx:
        for problem in await tx.select(Problem):
            words = terms_of(problem.symptom, *problem.keywords)
            counts.update([*words, "", *(f"@{each}" for each in problem.product_numbers or [""])])
            counts["#"] += len(words)
    return dict(counts)


async def test_problems_that_are_made_and_changed_at_once_are_all_counted(cases: Harness) -> None:
    """Each takes the rows of its words in their order, so that two never wait for each other."""
    words = ["camera", "picture", "battery", "echo", "freeze", "restart", "sleep", "mute"]

    async def one(n: int) -> None:
        problem = await a_problem(cases, symptom=" ".join(words[n % 8 :] + words[: n % 8]))
        path = f"/v1/problems/{problem}"
        etag = (await cases.get(path)).headers["etag"]
        changed = await cases.patch(path, {"symptom": " ".join(reversed(words[n % 4 :]))}, etag=etag)
        assert changed.status_code == 200, changed.text

    await gather(*(one(n) for n in range(24)))
    assert await counted(cases) == await counted_anew(cases)


async def test_a_problem_of_before_is_found_and_counted(postgres_url: str) -> None:
    """Whatever words it was stored with."""
    made = await create_service_database(postgres_url, "cases", prefix="words_")
    await migrate("cases", made.owner_url, "0016")
    owner = await asyncpg.connect(made.owner_url)
    texts = {
        "symptom": "Camera không nhận hình",
        "keywords": ["no video"],
        "words": ["khong"],
        "product_numbers": ["83Z52AA"],
    }
    of_before = {**texts, "status": "fixed", "fix_release": "Release 4.6.0-7", "number": "PRB-1", "history": []}
    await a_row(owner, "problems", of_before)
    await migrate("cases", made.owner_url)

    database = await Database.connect(made.runtime_url, size=1)
    async with database.transaction(Scope("staff")) as tx:
        known = await likely(tx, "mất hình", Unit("83Z52AA", "4.5.1"), published=True, limit=1)
    await database.close()
    assert [problem.number for problem in known] == ["PRB-1"]
    assert await owner.fetchval("SELECT fixed_in FROM problem_words") == [4, 6, 0]
    assert await owner.fetchval("SELECT problems FROM problem_word_counts WHERE word = '@83Z52AA'") == 1
    await owner.close()


@pytest.mark.parametrize(
    ("said", "numbers"),
    [
        ("4.5.0-448317", [4, 5, 0]),
        ("v4.6", [4, 6, 0]),
        ("7.2.2.1094", [7, 2, 2, 1094]),
        ("Release 2 (4.6.1)", [4, 6, 1]),
        ("12", [12, 0, 0]),
        ("none", None),
        ("9" * 200, [999999999, 0, 0]),
    ],
)
async def test_a_release_is_its_numbers(cases: Harness, said: str, numbers: list[int] | None) -> None:
    async with cases.transaction() as tx:
        assert await tx.connection.fetchval("SELECT release($1)", said) == numbers


# --- keywords -----------------------------------------------------------------------------------------------------------


@pytest.mark.promise("S25")
@pytest.mark.parametrize(
    ("keywords", "missing"),
    [([], ["en", "vi"]), (["no video"], ["vi"]), (["mất hình"], ["en"]), (["mat hinh"], ["vi"])],
)
@pytest.mark.parametrize("response", ["workaround", "fix"])
async def test_what_is_published_has_keywords_in_both_languages(
    cases: Harness, response: str, keywords: list[str], missing: list[str]
) -> None:
    problem = await a_problem(cases, keywords=keywords)
    publish = {"workaround": "Restart it.", "fix_release": "4.6.0"}

    refused = await respond(cases, problem, response, **publish)
    assert (refusal(refused), refused.json()["missing"]) == ((422, "keywords-missing"), missing)
    assert (await respond(cases, problem, "none")).status_code == 200
    path = f"/v1/problems/{problem}"
    etag = (await cases.get(path)).headers["etag"]
    etag = (await cases.patch(path, {"keywords": KEYWORDS}, etag=etag)).headers["etag"]
    published = await respond(cases, problem, response, **publish)
    assert published.status_code == 200
    etag = (await cases.get(path)).headers["etag"]
    assert refusal(await cases.patch(path, {"keywords": keywords}, etag=etag)) == (422, "keywords-missing")
    assert (await cases.patch(path, {"root_cause": "a race"}, etag=etag)).status_code == 200


@pytest.mark.promise("S25")
async def test_keywords_are_proposed_from_what_the_linked_cases_say(cases: Harness) -> None:
    problem = await a_problem(cases)
    for description in (
        "Xin chào, máy quay bị đen kịt sau khi cập nhật phần mềm mới, xin hỗ trợ gấp!",
        "máy quay bị đen kịt",
        "The webcam lens cover is jammed. Camera không nhận hình",
    ):
        case_id = await opened(cases, description=description)
        await did(cases, case_id, "problem", {"problem_id": str(problem)})
    await opened(cases, description="bàn phím bị kẹt")  # linked to nothing

    answer = await cases.get(f"/v1/problems/{problem}/keyword-proposals")
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["vi"][0] == {"keyword": "đen kịt", "cases": 2}
    assert said["en"] == [{"keyword": "webcam lens cover", "cases": 1}]
    # what the problem says already is not proposed
    assert "nhận hình" not in {each["keyword"] for each in said["vi"]}
    assert (await cases.get(f"/v1/problems/{problem}/keyword-proposals", **CUSTOMER)).status_code == 403
    assert (await cases.get(f"/v1/problems/{uuid4()}/keyword-proposals")).status_code == 404


async def test_a_description_that_was_taken_out_proposes_nothing(cases: Harness) -> None:
    problem, case_id = await a_problem(cases), await opened(cases, description="mật khẩu hoa hồng vàng")
    await did(cases, case_id, "problem", {"problem_id": str(problem)})
    path = f"/v1/problems/{problem}/keyword-proposals"
    assert "hoa hồng vàng" in (await cases.get(path)).text

    body = {"what": "description", "reason": "a password"}
    assert (await cases.post(f"/v1/cases/{case_id}/redact", body, role="manager")).status_code == 200
    assert (await cases.get(path)).json() == {"vi": [], "en": []}
