"""Lists are sorted by name as Vietnamese sorts, and names are found by their words."""

from alembic import op

from libs.kit.names import give_keys

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("accounts", "sites", "contacts"):
        give_keys(op, table)  # words of their names are in a table of their own
    give_keys(op, "resellers", "name")
    give_keys(op, "products", "product_number", "model", named_by="model")
    for table in ("accounts", "sites"):
        op.create_index(f"{table}_country_sort_key_id_idx", table, ["country", "sort_key", "id"])
    for table in ("sites", "contacts"):
        op.create_index(f"{table}_account_id_sort_key_id_idx", table, ["account_id", "sort_key", "id"])
