"""When each registration, contract, licence, site and contact was last changed.

The service is stopped before: what the version before writes afterwards keeps its time.
"""

from alembic import op

from libs.store.schema import add_updated_at

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("registrations", "contracts", "licences", "sites", "contacts"):
        add_updated_at(op, table, "account_id")
