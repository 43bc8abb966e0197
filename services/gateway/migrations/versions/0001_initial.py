"""Clients."""

from alembic import op

from libs.store.schema import install_runtime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    install_runtime(op)
    op.execute("""
    CREATE TABLE clients (
        id uuid PRIMARY KEY, version bigint NOT NULL, revision bigint NOT NULL,
        name text NOT NULL, role text NOT NULL, secret_hash text NOT NULL, secret_generation bigint NOT NULL,
        accounts jsonb NOT NULL, partner_id uuid, depot_id uuid, technician_id uuid, requests_per_second bigint,
        disabled_at timestamptz, created_at timestamptz NOT NULL, history jsonb NOT NULL
    );
    CREATE INDEX clients_role_idx ON clients (role);
    """)
