"""Our own people as tests know them."""

from uuid import UUID

from libs.events.gateway import PersonState

LAN = PersonState(
    name="Phạm Thị Lan",
    display_name="Lan",
    email="lan.pham@support.example",
    phone="+84 28 5550 0101",
    language="vi",
    time_zone="Asia/Ho_Chi_Minh",
    roles=["engineer"],
    active=True,
)
"""An engineer."""
ANYBODY = UUID("00000000-0000-4000-8000-00000000abcd")
"""Whom a request names that says no more than it must (`least` in tests/support/access.py)."""
