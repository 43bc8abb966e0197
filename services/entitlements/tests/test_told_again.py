"""What registrations and sites say more than before is told of those that were there already."""

import json
from uuid import uuid4

import asyncpg

from deploy.local.databases import create_service_database
from deploy.local.migrate import migrate
from libs.events.entitlements import SiteState
from tests.contract.test_labels_in_rows import a_row

_STATE = "INSERT INTO states (topic, key, type, account_id, version, data) VALUES ($1, $2, $3, $4, $5, $6)"
_TOPIC, _TYPE = SiteState.contract.topic, SiteState.contract.ce_type


async def test_sites_of_before_say_their_country_as_newer_than_what_they_said(postgres_url: str) -> None:
    made = await create_service_database(postgres_url, "entitlements", prefix="told_again_")
    await migrate("entitlements", made.owner_url, "0023")
    owner = await asyncpg.connect(made.owner_url)
    await owner.execute("SELECT set_config('polyplus.scope', 'worker', false)")
    account = uuid4()
    site = await a_row(owner, "sites", {"account_id": str(account), "country": "VN", "revision": 4})
    said = {"account_id": str(account), "name": "Office", "address_lines": ["1 Lê Lợi"]}
    await owner.execute(_STATE, _TOPIC, site, _TYPE, account, 5, json.dumps(said).encode())
    await a_row(owner, "registered_serials", {"account_id": str(account)})
    before = await owner.fetchval("SELECT count(*) FROM outbox WHERE topic = $1", _TOPIC)
    await migrate("entitlements", made.owner_url)

    told = await owner.fetchrow("SELECT version, data FROM states WHERE key = $1", site)
    assert told is not None
    assert json.loads(told["data"]) == said | {"country": "VN"}
    SiteState.model_validate_json(told["data"])
    revision = await owner.fetchval("SELECT revision FROM sites")
    assert (revision, told["version"]) == (5, 6), "the next change of the site is newer still"
    sent = await owner.fetch(
        "SELECT key::text, version FROM outbox WHERE topic = $2 ORDER BY id OFFSET $1", before, _TOPIC
    )
    assert [tuple(row) for row in sent] == [(str(site), 6)]
    timers = await owner.fetch("SELECT aggregate, aggregate_id, kind FROM timers WHERE aggregate_id = $1", account)
    assert [tuple(row) for row in timers] == [("Account", account, "publish_registrations")]
    await owner.close()
