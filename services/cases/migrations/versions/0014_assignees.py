"""A case is given to a person, by id: no name is kept, and a case that was given to nothing but a name is nobody's."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # What was there is `role:<id>`, or any text; the id may be a client's, which shows as a person who is not known.
    op.execute("""
    ALTER TABLE cases
      ALTER assignee TYPE uuid
      USING substring(assignee FROM '^[a-z]+:([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$')::uuid,
      DROP COLUMN assignee_name;
    """)
