"""What a state is: the newest record of its key on a compacted topic, null when it is gone."""

from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict


@dataclass(frozen=True)
class StateContract:
    """What stands about a state beside its fields."""

    topic: str  # entitlements.people
    ce_type: str  # polyplus.entitlements.contact.v1
    key: str  # what the record's key is, in words


class State(BaseModel):
    """How something is now, told whole to the other services. Subclass with its contract:

    `class ContactState(State, type="polyplus.entitlements.contact.v1", topic="entitlements.people", key="contact_id"):`

    Its version goes up with every change and stands in the record's header. Unknown fields are ignored, so that one can be added; a field
    that is taken away or means something else makes a new type, and the owner tells everything again.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    contract: ClassVar[StateContract]

    def __init_subclass__(cls, **contract: Any) -> None:
        """Lets the contract's keywords through to `__pydantic_init_subclass__`."""
        super().__init_subclass__()

    @classmethod
    def __pydantic_init_subclass__(cls, *, type: str, topic: str, key: str, **kwargs: Any) -> None:  # type: ignore[override]
        super().__pydantic_init_subclass__(**kwargs)
        cls.contract = StateContract(topic, type, key)
