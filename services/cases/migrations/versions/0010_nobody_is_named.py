"""What the customer confirmed, and how a case said by itself that it is over, names nobody."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    SET LOCAL polyplus.scope = 'worker';  -- the owner too is held to the policies of rows
    UPDATE cases SET confirmations = (
           SELECT jsonb_agg(word || jsonb_build_object('signed_by', '') ORDER BY n)
             FROM jsonb_array_elements(confirmations) WITH ORDINALITY AS t (word, n))
     WHERE jsonb_path_exists(confirmations, '$[*] ? (@.signed_by != "")');

    UPDATE cases SET resolution = resolution || jsonb_build_object('text', sentence)
      FROM (VALUES
           ('Repaired on site; ', ' signed for it.', 'Repaired on site; the customer signed for it.'),
           ('Đã sửa tại chỗ; ', ' đã ký xác nhận.', 'Đã sửa tại chỗ; khách hàng đã ký xác nhận.'),
           ('The replacement works, ', ' confirms.', 'The replacement works, the customer confirms.'),
           ('', ' xác nhận linh kiện thay thế hoạt động tốt.', 'Khách hàng xác nhận linh kiện thay thế hoạt động tốt.')
           ) AS said (begins, ends, sentence)
     WHERE (resolution ->> 'automatic')::boolean
       AND starts_with(resolution ->> 'text', begins) AND right(resolution ->> 'text', length(ends)) = ends;
    """)
