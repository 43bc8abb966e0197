"""Our own people as tests know them."""

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
