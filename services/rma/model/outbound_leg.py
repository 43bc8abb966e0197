"""The states of the way out: which may follow which, and what several of them have in common."""

from libs.kit.states import StateMachine
from services.rma.model.rma_values import OutboundState

outbound_machine: StateMachine[OutboundState] = StateMachine(
    "The RMA",
    {
        "requested": {"authorized", "denied", "cancelled"},
        # By a manager's override, or by cover that came after all.
        "denied": {"authorized", "cancelled"},
        "authorized": {"reserved", "backordered", "requested", "cancelled"},
        "backordered": {"reserved", "requested", "cancelled"},
        # To another depot, or to none.
        "reserved": {"reserved", "backordered", "shipped", "requested", "cancelled"},
        "shipped": {"delivered", "refused", "lost"},
        # Sent again.
        "refused": {"reserved", "cancelled"},
        "delivered": {"dead_on_arrival", "closed"},
    },
    initial="requested",
)
"""Back to `requested`: the case's unit or site was corrected, and it is decided anew."""
UNSHIPPED: frozenset[OutboundState] = frozenset({"requested", "authorized", "denied", "reserved", "backordered"})
GRANTED: frozenset[OutboundState] = frozenset({"authorized", "reserved", "backordered"})
"""Decided, and nothing has left: a correction of the case takes it back."""
AWAITS_PART: frozenset[OutboundState] = frozenset({"authorized", "backordered", "reserved", "shipped", "refused"})
"""The contract's date is still to be kept."""
OPEN_PROMISE: frozenset[OutboundState] = frozenset({"reserved", "shipped"})
"""The forecast can still move."""
NOT_SENT: frozenset[OutboundState] = frozenset({"requested", "denied", "cancelled"})
