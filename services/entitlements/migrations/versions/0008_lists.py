"""Every filter that a list offers has its index, in the order of the list."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("accounts_country_id_idx", "accounts", ["country", "id"])
    op.create_index("contacts_account_id_id_idx", "contacts", ["account_id", "id"])
    op.create_index("contacts_email_id_idx", "contacts", ["email", "id"])
    op.create_index("contracts_account_id_id_idx", "contracts", ["account_id", "id"])
    op.create_index("contracts_state_id_idx", "contracts", ["state", "id"])
    op.create_index("licences_account_id_id_idx", "licences", ["account_id", "id"])
    op.create_index("licences_product_number_id_idx", "licences", ["product_number", "id"])
    op.create_index("licences_state_id_idx", "licences", ["state", "id"])
    op.create_index("offers_account_id_id_idx", "offers", ["account_id", "id"])
    op.create_index("offers_valid_until_idx", "offers", ["valid_until"])
    op.create_index("registrations_disputed_at_idx", "registrations", ["disputed_at"])
    op.create_index("registrations_account_id_id_idx", "registrations", ["account_id", "id"])
    op.create_index("registrations_site_id_id_idx", "registrations", ["site_id", "id"])
    op.create_index("registrations_product_number_id_idx", "registrations", ["product_number", "id"])
    op.create_index("registrations_state_id_idx", "registrations", ["state", "id"])
    op.create_index("sites_account_id_id_idx", "sites", ["account_id", "id"])
    op.create_index("sites_country_id_idx", "sites", ["country", "id"])
