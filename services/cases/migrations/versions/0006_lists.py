"""Every filter that a list offers has its index, in the order of the list."""

import sqlalchemy as sa
from alembic import op

from libs.store.schema import tenant_table

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

EXTERNAL_IDS = """
CREATE TABLE case_external_ids (
    external_id text NOT NULL, case_id uuid NOT NULL, account_id uuid NOT NULL, PRIMARY KEY (external_id, case_id)
);
CREATE INDEX case_external_ids_case_id_idx ON case_external_ids (case_id);
INSERT INTO case_external_ids
SELECT DISTINCT each ->> 'id', cases.id, account_id FROM cases, jsonb_array_elements(external_identifiers) each;
CREATE FUNCTION keep_case_external_ids() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM case_external_ids WHERE case_id = OLD.id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO case_external_ids
        SELECT DISTINCT each ->> 'id', NEW.id, NEW.account_id FROM jsonb_array_elements(NEW.external_identifiers) each;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER external_ids_given AFTER INSERT ON cases
    FOR EACH ROW WHEN (NEW.external_identifiers <> '[]') EXECUTE FUNCTION keep_case_external_ids();
CREATE TRIGGER external_ids_changed AFTER UPDATE ON cases
    FOR EACH ROW WHEN (OLD.external_identifiers <> NEW.external_identifiers OR OLD.account_id <> NEW.account_id)
    EXECUTE FUNCTION keep_case_external_ids();
CREATE TRIGGER external_ids_gone AFTER DELETE ON cases
    FOR EACH ROW WHEN (OLD.external_identifiers <> '[]') EXECUTE FUNCTION keep_case_external_ids();
"""


def upgrade() -> None:
    op.create_index("cases_account_id_opened_at_id_idx", "cases", ["account_id", "opened_at", "id"])
    op.create_index("cases_state_opened_at_id_idx", "cases", ["state", "opened_at", "id"])
    op.create_index("cases_severity_opened_at_id_idx", "cases", ["severity", "opened_at", "id"])
    op.create_index("cases_priority_opened_at_id_idx", "cases", ["priority", "opened_at", "id"])
    op.create_index("cases_queue_opened_at_id_idx", "cases", ["queue", "opened_at", "id"])
    op.create_index(
        "cases_assignee_opened_at_id_idx",
        "cases",
        ["assignee", "opened_at", "id"],
        postgresql_where=sa.text("assignee IS NOT NULL"),
    )
    op.create_index(
        "cases_problem_id_opened_at_id_idx",
        "cases",
        ["problem_id", "opened_at", "id"],
        postgresql_where=sa.text("problem_id IS NOT NULL"),
    )
    op.create_index(
        "cases_parent_id_opened_at_id_idx",
        "cases",
        ["parent_id", "opened_at", "id"],
        postgresql_where=sa.text("parent_id IS NOT NULL"),
    )
    op.create_index("problems_created_at_id_idx", "problems", ["created_at", "id"])
    op.create_index("problems_status_created_at_id_idx", "problems", ["status", "created_at", "id"])
    op.create_index("problems_family_created_at_id_idx", "problems", ["family", "created_at", "id"])
    op.create_index("problems_firmware_created_at_id_idx", "problems", ["firmware", "created_at", "id"])
    op.create_index("problems_product_numbers_idx", "problems", ["product_numbers"], postgresql_using="gin")
    op.execute("SET LOCAL polyplus.scope = 'worker'")  # the owner too is held to the policies of rows
    op.execute(EXTERNAL_IDS)
    tenant_table(op, "case_external_ids")
    op.drop_index("cases_account_id_opened_at_idx")
    op.drop_index("cases_problem_id_idx")
    op.drop_index("cases_parent_id_idx")
    op.drop_index("problems_status_idx")
    op.drop_index("problems_family_idx")
