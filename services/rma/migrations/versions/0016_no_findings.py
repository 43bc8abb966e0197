"""What was written of a diagnosis serves nothing here, and is not kept."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    SET LOCAL polyplus.scope = 'worker';  -- the owner too is held to the policies of rows
    UPDATE case_files SET diagnoses = (
           SELECT jsonb_object_agg(key, CASE WHEN jsonb_typeof(value -> 'fault') = 'object'
                  THEN jsonb_set(value, '{fault,findings}', '""') ELSE value END) FROM jsonb_each(diagnoses))
     WHERE jsonb_path_exists(diagnoses, '$.*.fault.findings ? (@ != "")');
    """)
