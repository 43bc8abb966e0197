"""A replica of contacts: a call keeps who joins for the customer by id, and of a decision no name or address is kept."""

from alembic import op

from libs.store.rewriting import see_all_rows
from libs.store.schema import replica_table

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    replica_table(op, "contacts", "account_id uuid", "name text", "email text", "language text")
    op.create_index("contacts_account_id_idx", "contacts", ["account_id"])
    see_all_rows(op)
    op.execute("""
    UPDATE joint_calls j SET
      participants = coalesce((
        SELECT jsonb_agg(CASE WHEN p ->> 'side' = 'customer' AND (p ->> 'name' = contact ->> 'name' OR p ->> 'email' = contact ->> 'email')
               THEN jsonb_build_object('side', 'customer', 'contact_id', contact -> 'contact_id') ELSE p END ORDER BY n)
          FROM jsonb_array_elements(participants) WITH ORDINALITY each (p, n)), '[]'),
      actions = coalesce((
        SELECT jsonb_agg(CASE WHEN lower(a ->> 'owner') = lower(contact ->> 'name')
               THEN a || jsonb_build_object('owner', contact -> 'contact_id') ELSE a END ORDER BY n)
          FROM jsonb_array_elements(actions) WITH ORDINALITY each (a, n)), '[]')
      FROM (SELECT id, coverage -> 'contact' AS contact FROM case_files) f
     WHERE f.id = j.case_id AND jsonb_typeof(contact) = 'object';

    UPDATE case_files SET coverage = jsonb_build_object(
           'revision', coverage -> 'revision', 'time_zone', coverage #> '{site,time_zone}',
           'contact_id', coverage #> '{contact,contact_id}', 'product', coverage -> 'product')
     WHERE coverage IS NOT NULL;
    """)


def downgrade() -> None:
    op.drop_table("contacts")
