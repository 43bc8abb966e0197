"""The versions that activity has consumed, by kind and id: read from the journal, which knows of each event what it was about."""

import sqlalchemy as sa
from alembic import op

from libs.events import kind_of
from libs.events.catalogue import published
from libs.store.schema import upgrade_runtime_to_4

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# A row whose newest event is not in the journal any more keeps standing for every kind of its id.
BY_KIND = """
CREATE TEMPORARY TABLE heard ON COMMIT DROP AS
SELECT e.topic, e.subject, k.kind, max(e.version) AS version
  FROM activity_events e JOIN unnest(CAST(:types AS text[]), CAST(:kinds AS text[])) AS k(type, kind) USING (type)
 GROUP BY e.topic, e.subject, k.kind
"""
KEPT = """
INSERT INTO consumed_versions (consumer, topic, subject, kind, version)
SELECT 'activity', topic, subject, kind, version FROM heard
"""
DONE = """
DELETE FROM consumed_versions v
 USING (SELECT topic, subject, max(version) AS version FROM heard GROUP BY topic, subject) h
 WHERE (v.consumer, v.kind, v.topic, v.subject) = ('activity', '', h.topic, h.subject) AND v.version <= h.version
"""


def upgrade() -> None:
    upgrade_runtime_to_4(op)
    assert published(), "the contracts are known"
    connection = op.get_bind()
    connection.execute(
        sa.text("SELECT set_config('polyplus.scope', 'worker', true)")
    )  # the owner is not above its policies
    types = list(connection.scalars(sa.text("SELECT DISTINCT type FROM activity_events")))
    connection.execute(sa.text(BY_KIND), {"types": types, "kinds": [kind_of(type) for type in types]})
    connection.execute(sa.text(KEPT))
    connection.execute(sa.text(DONE))
