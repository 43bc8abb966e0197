"""Rows of before, written anew. A release in which a version drops what nobody is to keep has a migration that calls it."""

import pydantic_core
import sqlalchemy as sa

from libs.events import upcasts
from services.activity.model.types import of_an_older_version

PAGE = 2000
_OLDER = sa.text("""
SELECT seq, type, data::text AS data FROM activity_events
 WHERE type = ANY(:types) AND (type, seq) > (:type, :seq) ORDER BY type, seq LIMIT :page
""")
_RENEW = sa.text("""
UPDATE activity_events e SET type = n.type, data = n.data::jsonb
  FROM unnest(CAST(:seqs AS bigint[]), CAST(:types AS text[]), CAST(:texts AS text[])) AS n(seq, type, data) WHERE e.seq = n.seq
""")


def renew(connection: sa.Connection) -> None:
    """Gives every row of an older version type and data of the newest, page by page; what cannot be read stays as it is."""
    type, seq = "", -1
    while page := connection.execute(
        _OLDER, {"types": sorted(upcasts()), "type": type, "seq": seq, "page": PAGE}
    ).all():
        found = [(row.seq, of_an_older_version(row.type, pydantic_core.from_json(row.data))) for row in page]
        new = [(at, newer[0], pydantic_core.to_json(newer[1]).decode()) for at, newer in found if newer]
        if new:
            connection.execute(
                _RENEW, dict(zip(("seqs", "types", "texts"), map(list, zip(*new, strict=True)), strict=True))
            )
        type, seq = page[-1].type, page[-1].seq
