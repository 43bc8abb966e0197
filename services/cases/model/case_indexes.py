"""How cases are found: the indexes of their table, what they are listed by, and what is looked up beside it."""

import sqlalchemy as sa

from libs.store.metadata import metadata
from services.cases.model.case import Case

# Few cases have one of the first five when they are opened, and a POST writes nothing to their indexes.
for _name in (
    *("assignee", "problem_id", "parent_id", "incident_id", "closing_code"),
    *("site_id", "contact_id", "product_number", "family"),
):
    sa.Index(
        f"cases_{_name}_opened_at_id_idx",
        Case.c[_name],
        Case.c.opened_at,
        Case.c.id,
        postgresql_where=Case.c[_name].is_not(None),
    )

sa.Index("cases_merged_into_idx", Case.c.merged_into, postgresql_where=Case.c.merged_into.is_not(None))
sa.Index("cases_split_from_idx", Case.c.split_from, postgresql_where=Case.c.split_from.is_not(None))

sa.Index(
    "cases_opened_by_idx",
    Case.c.opened_by,
    postgresql_where=sa.and_(Case.c.contact_id.is_(None), Case.c.reporter_name.is_not(None)),
)

sa.Index("cases_unassigned_idx", Case.c.opened_at, Case.c.id, postgresql_where=Case.c.assignee.is_(None))

# A column of what the row says: no index on JSON is used under row-level security.
coverage_status = sa.Column("coverage_status", sa.Text(), sa.Computed("coverage ->> 'status'", persisted=True))
Case.table.append_column(coverage_status)
sa.Index("cases_coverage_status_opened_at_id_idx", coverage_status, Case.c.opened_at, Case.c.id)

due_or_never = sa.case(
    (Case.c.next_due_at.is_(None), sa.literal_column("'9999-01-01 00:00:00+00'::timestamptz", Case.c.next_due_at.type)),
    else_=Case.c.next_due_at,
)
"""What cases are listed by where the first that is due comes first, and last those whose clocks rest. A constant in the statement and no
coalesce, or its indexes are not seen under row-level security."""
# The same as PostgreSQL writes it down, line by line: so Alembic sees that the migrated index is this one.
_DUE = sa.text("(\nCASE\n WHEN next_due_at IS NULL THEN '9999-01-01 00:00:00+00'::timestamptz\n ELSE next_due_at\nEND)")
sa.Index("cases_due_id_idx", _DUE, Case.c.id)
sa.Index("cases_queue_due_id_idx", Case.c.queue, _DUE, Case.c.id)
sa.Index("cases_assignee_due_id_idx", Case.c.assignee, _DUE, Case.c.id, postgresql_where=Case.c.assignee.is_not(None))

case_tags = sa.Table(
    "case_tags",
    metadata("cases"),
    sa.Column("case_id", sa.Uuid, primary_key=True),
    sa.Column("tag", sa.Text, primary_key=True),
    sa.Column("opened_at", sa.TIMESTAMP(timezone=True), nullable=False),
    sa.Index("case_tags_tag_opened_at_case_id_idx", "tag", "opened_at", "case_id"),
)
"""Which cases have a tag, kept by triggers, in the order of the list: every third case may have it. No account stands here, so there is no
row-level security, and the index alone is read; the rows of cases that it leads to are seen by whoever sees them."""

case_external_ids = sa.Table(
    "case_external_ids",
    metadata("cases"),
    sa.Column("external_id", sa.Text, primary_key=True),
    sa.Column("case_id", sa.Uuid, primary_key=True),
    sa.Column("account_id", sa.Uuid, nullable=False),
    sa.Index("case_external_ids_case_id_idx", "case_id"),
)
"""Which cases carry an identifier of the customer's, kept by triggers: no index on JSON is used under row-level security."""
