"""What code of the release before wrote, and goes on writing until its last process is replaced, means what it meant."""

import json
from typing import Any
from uuid import uuid4

import asyncpg
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.local.databases import create_service_database
from deploy.local.migrate import migrate
from libs.kit.auth import Principal, Verifier, mint
from tests.contract.test_labels_in_rows import a_row


async def test_a_client_bound_to_one_depot_has_it_whichever_code_wrote_it(postgres_url: str) -> None:
    made = await create_service_database(postgres_url, "gateway", prefix="depot_")
    await migrate("gateway", made.owner_url, "0002")
    owner = await asyncpg.connect(made.owner_url)
    one, two = str(uuid4()), str(uuid4())
    before = await a_row(owner, "clients", {"depot_id": one, "accounts": []})
    await migrate("gateway", made.owner_url)
    beside = str(uuid4())
    await owner.execute(
        "INSERT INTO clients (id, version, revision, name, role, secret_hash, secret_generation, accounts, depot_id, created_at, history)"
        " SELECT $2, version, revision, name, role, secret_hash, secret_generation, accounts, $3, created_at, history"
        " FROM clients WHERE id = $1", before, beside, two,
    )  # fmt: skip

    async def bound(id: str) -> tuple[list[str], str | None]:
        row = await owner.fetchrow("SELECT depots, depot_id FROM clients WHERE id = $1", id)
        assert row
        return json.loads(row["depots"]), row["depot_id"] and str(row["depot_id"])

    assert (await bound(before), await bound(beside)) == (([one], one), ([two], two))
    await owner.execute("UPDATE clients SET depot_id = NULL WHERE id = $1", before)  # code of before takes it away
    assert await bound(before) == ([], None)
    await owner.execute("UPDATE clients SET depots = $2 WHERE id = $1", before, json.dumps([two, one]))
    of_two = "UPDATE clients SET name = 'HCM', depot_id = $2 WHERE id = $1"  # code of before knows one
    await owner.execute(of_two, before, two)
    assert await bound(before) == ([two, one], two)
    await owner.close()


async def test_a_call_to_a_partner_that_waits_names_our_reference(postgres_url: str) -> None:
    """Its ticket is believed to be ours only where it carries that."""
    made = await create_service_database(postgres_url, "ecps", prefix="calls_")
    await migrate("ecps", made.owner_url, "0002")
    owner = await asyncpg.connect(made.owner_url)
    await owner.execute("SELECT set_config('polyplus.scope', 'worker', false)")
    engagement = await a_row(owner, "engagements", {"our_reference": "POLY-1"})
    note = await a_row(owner, "engagement_notes", {"engagement_id": engagement})
    for aggregate, id, kind in (
        ("EngagementNote", note, "send_note"), ("Engagement", engagement, "end_ticket"), ("Engagement", engagement, "open_ticket"),
    ):  # fmt: skip
        await owner.execute(
            "INSERT INTO jobs (id, aggregate, aggregate_id, kind, reference, payload) VALUES ($1, $2, $3, $4, '', $5)",
            str(uuid4()), aggregate, id, kind, json.dumps({"ticket_number": "TT-1"}),
        )  # fmt: skip

    await migrate("ecps", made.owner_url)

    waiting = await owner.fetch("SELECT kind, payload FROM jobs")
    assert {job["kind"]: json.loads(job["payload"]).get("our_reference") for job in waiting} == {
        "send_note": "POLY-1", "end_ticket": "POLY-1", "open_ticket": None,
    }  # fmt: skip
    beside = "INSERT INTO engagement_notes SELECT * FROM jsonb_populate_record(NULL::engagement_notes, $1)"
    new = await owner.fetchval("SELECT to_jsonb(n) || $1 FROM engagement_notes n", json.dumps({"id": str(uuid4())}))
    told = await owner.fetchval(
        f"WITH note AS ({beside} RETURNING id) INSERT INTO jobs (id, aggregate, aggregate_id, kind, reference, payload)"
        " SELECT gen_random_uuid(), 'EngagementNote', id, 'send_note', '', '{}' FROM note RETURNING id", new,
    )  # fmt: skip
    payload = await owner.fetchval("SELECT payload FROM jobs WHERE id = $1", told)
    assert json.loads(payload) == {"our_reference": "POLY-1"}
    await owner.close()


async def test_what_ecps_kept_of_cases_and_tells_partners_names_nobody(postgres_url: str) -> None:
    made = await create_service_database(postgres_url, "ecps", prefix="named_")
    await migrate("ecps", made.owner_url, "0010")
    owner = await asyncpg.connect(made.owner_url)
    await owner.execute("SELECT set_config('polyplus.scope', 'worker', false)")
    wish = {"partner_id": "p", "consent_given_by": "Nguyễn Văn An"}
    kept = {
        "opened": {"number": "CASE-1", "reporter_name": "Nguyễn Văn An"},
        "requests": {"1": wish, "2": {"partner_id": "q"}},
    }
    file, bare = (
        await a_row(owner, "case_files", kept),
        await a_row(owner, "case_files", {"opened": None, "requests": {}}),
    )
    engagement = await a_row(owner, "engagements", {"partner_name": "Cloud"})
    sides = {
        ("to_partner", "customer"): "customer",
        ("to_partner", "support"): "Poly+ support",
        ("from_partner", "partner"): "Cloud",
    }
    notes = {}
    for (direction, origin), side in sides.items():
        said = {"engagement_id": engagement, "direction": direction, "origin": origin, "author": "Nguyễn Văn An"}
        notes[await a_row(owner, "engagement_notes", said)] = side
        payload = {
            "author": "Nguyễn Văn An",
            "text": "Nguyễn Văn An: No picture\n[poly-plus 1]",
            "marker": "[poly-plus 1]",
        }
        await owner.execute(
            "INSERT INTO jobs (id, aggregate, aggregate_id, kind, reference, payload) VALUES ($1, 'EngagementNote', $2, 'send_note', '', $3)",
            str(uuid4()), [*notes][-1], json.dumps(payload),
        )  # fmt: skip

    await migrate("ecps", made.owner_url)

    opened = await owner.fetchrow("SELECT opened, requests FROM case_files WHERE id = $1", file)
    assert opened
    assert json.loads(opened["opened"]) == {"number": "CASE-1"}
    assert json.loads(opened["requests"]) == {"1": {"partner_id": "p"}, "2": {"partner_id": "q"}}
    assert await owner.fetchval("SELECT requests FROM case_files WHERE id = $1", bare) == "{}"
    assert {
        str(row["id"]): row["author"] for row in await owner.fetch("SELECT id, author FROM engagement_notes")
    } == notes
    for job in await owner.fetch("SELECT aggregate_id, payload FROM jobs WHERE kind = 'send_note'"):
        side = notes[str(job["aggregate_id"])]
        waiting = json.loads(job["payload"])
        assert (waiting["author"], waiting["text"]) == (side, f"{side}: No picture\n[poly-plus 1]")
    await owner.close()


AT = "2026-03-02T09:00:00Z"
_SET_STEP = "INSERT INTO timers (aggregate, aggregate_id, kind, due_at) VALUES ('Escalation', $1, 'step', now())"
NAMED: list[tuple[str, str, str, dict[str, Any], dict[str, Any]]] = [
    (
        "rma", "0011", "rmas",
        {"history": [{"state": "shipped", "reason": "received by hand"}, {"state": "delivered", "reason": "received by An"}], "received_by": "An"},
        {"history": [{"state": "shipped", "reason": "received by hand"}, {"state": "delivered", "reason": "delivered"}], "received_by": "An"},
    ),
    (
        "rma", "0011", "case_files",
        {"diagnoses": {"1": {"fault": None, "visits": [{"kind": "completed", "by": "Minh"}, {"kind": "failed"}]}, "2": {"visits": []}}},
        {"diagnoses": {"1": {"fault": None, "visits": [{"kind": "completed"}, {"kind": "failed"}]}, "2": {"visits": []}}},
    ),
    (
        "escalation", "0008", "escalations",
        {"history": [{"state": "acknowledged", "reason": "Binh took it up"}, {"state": "unanswered", "reason": "nobody took it up"}]},
        {"history": [{"state": "acknowledged", "reason": "taken up"}, {"state": "unanswered", "reason": "nobody took it up"}]},
    ),
    ("entitlements", "0016", "replacements", {"by": "Lê Minh Châu"}, {"by": "system:rma"}),
    ("entitlements", "0016", "replacements", {"by": "customer:1"}, {"by": "customer:1"}),
    (
        "entitlements", "0016", "registrations",
        {"history": [{"by": "customer:1"}, {"by": "Lê Minh Châu", "reason": "1 was replaced by 2"}]},
        {"history": [{"by": "customer:1"}, {"by": "system:rma", "reason": "1 was replaced by 2"}]},
    ),
    (
        "cases", "0009", "cases",
        {
            "external_identifiers": [],
            "confirmations": [{"kind": "visit", "signed_by": "An", "at": AT}],
            "resolution": {"automatic": True, "text": "Đã sửa tại chỗ; An đã ký xác nhận."},
        },
        {
            "confirmations": [{"kind": "visit", "signed_by": "", "at": AT}],
            "resolution": {"automatic": True, "text": "Đã sửa tại chỗ; khách hàng đã ký xác nhận."},
        },
    ),
    (
        "cases", "0009", "cases",
        {"external_identifiers": [], "confirmations": [], "resolution": {"automatic": False, "text": "The replacement works, An confirms."}},
        {"confirmations": [], "resolution": {"automatic": False, "text": "The replacement works, An confirms."}},
    ),
]  # fmt: skip


@pytest.mark.parametrize("service", ["rma", "escalation", "entitlements", "cases"])
async def test_sentences_and_actors_of_before_name_nobody(service: str, postgres_url: str) -> None:
    of_service = [case for case in NAMED if case[0] == service]
    made = await create_service_database(postgres_url, service, prefix="named_")
    await migrate(service, made.owner_url, of_service[0][1])
    owner = await asyncpg.connect(made.owner_url)
    await owner.execute("SELECT set_config('polyplus.scope', 'worker', false)")
    ids = [await a_row(owner, table, before) for _, _, table, before, _ in of_service]

    await migrate(service, made.owner_url)

    for id, (_, _, table, _, after) in zip(ids, of_service, strict=True):
        row = json.loads(await owner.fetchval(f"SELECT to_jsonb(t) FROM {table} t WHERE id = $1", id))
        assert {name: row[name] for name in after} == after, table
    await owner.close()


async def test_of_the_escalations_of_one_case_one_stays_open_and_collects_the_others_and_none_is_quiet(
    postgres_url: str,
) -> None:
    made = await create_service_database(postgres_url, "escalation", prefix="joined_")
    await migrate("escalation", made.owner_url, "0012")
    owner = await asyncpg.connect(made.owner_url)
    await owner.execute("SELECT set_config('polyplus.scope', 'worker', false)")
    case, experts = (
        str(uuid4()),
        [await a_row(owner, "experts", {"load": 2, "skills": {}, "hours": {}}) for _ in range(2)],
    )

    async def row(state: str, number: int, **values: Any) -> str:
        said = {
            "case_id": case,
            "state": state,
            "number": f"ESC-{number}",
            "reason": f"rule {number}",
            "raised_at": f"2026-03-02T0{number}:00:00Z",
        }
        lists: dict[str, Any] = {name: [] for name in ("recipients", "acknowledgements", "history")}
        id = await a_row(
            owner,
            "escalations",
            {"policy": {}, "explanation": "late", "raised_by": "system", "experts": [], **lists, **said, **values},
        )
        await owner.execute(_SET_STEP, id)
        return id

    both = [{"expert_id": each} for each in experts]
    first, held = await row("triggered", 1, experts=both), await row("acknowledged", 3, experts=both[:1])
    unanswered, over = await row("unanswered", 2), await row("resolved", 4)
    alone = await row("triggered", 5, case_id=str(uuid4()))
    quiet = [await row(state, number, case_id=str(uuid4())) for number, state in ((6, "unanswered"), (7, "triggered"))]
    await owner.execute("DELETE FROM timers WHERE aggregate_id = ANY($1::uuid[])", quiet)
    await migrate("escalation", made.owner_url)

    async def now(id: str) -> asyncpg.Record:
        row = await owner.fetchrow(
            "SELECT state, joined, experts, history, resolution FROM escalations WHERE id = $1", id
        )
        assert row
        return row

    kept = await now(held)
    assert (kept["state"], [each["reason"] for each in json.loads(kept["joined"])]) == (
        "acknowledged",
        ["rule 1", "rule 2"],
    )
    assert [each["expert_id"] for each in json.loads(kept["experts"])] == experts
    assert [await owner.fetchval("SELECT load FROM experts WHERE id = $1", each) for each in experts] == [1, 2]
    for id in (first, unanswered):
        joined = await now(id)
        assert (joined["state"], joined["resolution"]) == (
            "resolved",
            "It joined ESC-3, which is open for the same case.",
        )
        assert json.loads(joined["history"])[-1]["state"] == "resolved"
    assert [(await now(id))["state"] for id in (over, alone)] == ["resolved", "triggered"]
    timers = {
        (str(row["aggregate_id"]), row["kind"]) for row in await owner.fetch("SELECT aggregate_id, kind FROM timers")
    }
    assert timers == {
        (first, "joined"),
        (unanswered, "joined"),
        *zip(quiet, ("unanswered", "step"), strict=True),
        *((id, "step") for id in (held, over, alone)),
    }
    await owner.close()


async def test_each_round_that_was_over_is_told_no_more_and_a_clock_knows_when_it_was_missed(postgres_url: str) -> None:
    made = await create_service_database(postgres_url, "escalation", prefix="rounds_")
    await migrate("escalation", made.owner_url, "0016")
    owner = await asyncpg.connect(made.owner_url)
    await owner.execute("SELECT set_config('polyplus.scope', 'worker', false)")

    def at(hour: int) -> str:
        return f"2026-03-02T{hour:02}:00:00Z"

    told = [
        ("opened", 1, None),
        ("worked", 2, None),
        ("noted", 4, "support"),
        ("noted", 5, "customer"),
        ("reopened", 9, None),
    ]
    facts = [
        {"kind": kind, "at": at(hour), "origin": origin} for kind, hour, origin in [*told, ("responded", 12, None)]
    ]
    marks = ["1:first_response:75", "1:update:75", "2:no_progress", "2:update:100"]
    of_case = {"state": "open", "epoch": 2, "timers": {}, "diagnoses": {}}
    case = await a_row(owner, "case_files", {"facts": facts, "breached": marks, **of_case})
    for epoch, key, due in ((1, "update:75", 3), (2, "no_progress", 13), (2, "update:100", 11)):
        said = {"case_id": case, "epoch": epoch, "key": key, "due_at": at(due), "recipients": []}
        await a_row(owner, "breaches", said)
    states = {
        "late": ("met", False, 3, 4),
        "in_time": ("met", True, 3, 2),
        "stopped": ("stopped", None, 3, 4),
        "ended": ("stopped", None, 3, 2),
    }
    ids = {
        name: await a_row(
            owner,
            "clocks",
            {
                "state": state,
                "in_time": in_time,
                "due_at": at(due),
                "ended_at": at(end),
                "thresholds": {"75": at(1), "100": at(due)},
            },
        )
        for name, (state, in_time, due, end) in states.items()
    }
    await migrate("escalation", made.owner_url)

    breached = json.loads(await owner.fetchval("SELECT breached FROM case_files WHERE id = $1", case))
    assert set(breached) == {
        "1:first_response:75",
        *(f"1:update:75:2026-03-02T{hour}:00:00+00:00" for hour in ("01", "04")),
        *(f"2:no_progress:2026-03-02T{hour}:00:00+00:00" for hour in ("09", "12")),
        "2:update:100:2026-03-02T09:00:00+00:00",
    }
    assert await owner.fetchval("SELECT kind FROM timers WHERE aggregate_id = $1", case) == "recompute"
    missed = {name: await owner.fetchval("SELECT missed_at FROM clocks WHERE id = $1", id) for name, id in ids.items()}
    assert {name for name, instant in missed.items() if instant} == {"late", "stopped"}
    await owner.close()


def test_a_depot_that_a_gateway_of_before_vouches_for_keeps_its_depot() -> None:
    """The gateway is replaced last: until then the services read its tokens."""
    key, depot = Ed25519PrivateKey.generate(), uuid4()
    mine = Principal(uuid4(), "HCM", "depot", depots=frozenset({depot}))
    claims = jwt.decode(mint(mine, key), options={"verify_signature": False})
    del claims["depots"]
    before = jwt.encode({**claims, "depot_id": str(depot)}, key, algorithm="EdDSA")
    unbound = jwt.encode(claims, key, algorithm="EdDSA")

    read = [Verifier(key.public_key()).principal(f"Bearer {token}").depots for token in (before, unbound)]

    assert read == [{depot}, set()]


@pytest.mark.parametrize(
    ("service", "release", "table", "column"),
    [
        ("entitlements", "0019", "case_files", "decided"),
        ("rma", "0014", "case_files", "coverage"),
        ("onsite", "0013", "case_files", "coverage"),
    ],
)
async def test_decisions_that_were_kept_name_nobody(
    postgres_url: str, service: str, release: str, table: str, column: str
) -> None:
    made = await create_service_database(postgres_url, service, prefix="decided_")
    await migrate(service, made.owner_url, release)
    owner = await asyncpg.connect(made.owner_url)
    await owner.execute("SELECT set_config('polyplus.scope', 'worker', false)")
    site = {
        "site_id": "s",
        "city": "Huế",
        "name": "HQ",
        "address_lines": ["1 Lê Lợi"],
        "postal_code": "7",
        "access_notes": "B2",
    }
    contact = {"contact_id": "c", "language": "vi", "name": "An", "email": "an@x.example", "phone": "+84"}
    kept = await a_row(owner, table, {column: {"plan": "plus", "site": site, "contact": contact}})
    bare = await a_row(owner, table, {column: {"plan": None, "site": None, "contact": None}})
    if service == "rma":
        rma = await a_row(owner, "rmas", {"ship_to": site, "contact": contact})

    await migrate(service, made.owner_url)

    found = {row["id"]: json.loads(row[column]) for row in await owner.fetch(f"SELECT id, {column} FROM {table}")}
    place, person = {"site_id": "s", "city": "Huế"}, {"contact_id": "c", "language": "vi"}
    assert {str(id): told for id, told in found.items()} == {
        kept: {"plan": "plus", "site": place, "contact": person},
        bare: {"plan": None, "site": None, "contact": None},
    }
    if service == "rma":
        row = await owner.fetchrow("SELECT ship_to, contact FROM rmas WHERE id = $1", rma)
        assert row
        assert (json.loads(row["ship_to"]), json.loads(row["contact"])) == (place, person)
    await owner.close()
