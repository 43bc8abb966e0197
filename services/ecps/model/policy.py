"""The numbers that the business may change at run time; what stands here is the seeded default."""

from typing import Annotated

from pydantic import BaseModel, Field

from libs.kit.policies import Policies

Minutes = Annotated[int, Field(ge=1, le=60 * 24 * 30)]


class EcpsPolicy(BaseModel):
    reconcile_after_seconds: Annotated[int, Field(ge=1, le=3600)] = 30
    """An answer was lost: how long their side gets to finish before we look whether there is a ticket."""
    retry_unreachable_minutes: Minutes = 15
    partner_response_minutes: Minutes = 240
    """For a partner of which nothing else is agreed."""


policies = Policies("ecps", EcpsPolicy)
