"""The numbers that the business may change at run time; what stands here is the seeded default."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, Field

from libs.kit.policies import Policies

Minutes = Annotated[int, Field(ge=1, le=60 * 24 * 30)]


class EcpsPolicy(BaseModel):
    reconcile_after_seconds: Annotated[int, Field(ge=1, le=3600)] = 30
    """An answer was lost: how long their side gets to finish before we look whether there is a ticket."""
    looks: Annotated[int, Field(ge=2, le=100)] = 5
    """So often their search has to find none before a ticket is created again: searches come late."""
    look_minutes: Minutes = 10
    """Within this time. A look that can tell nothing does not count, and is repeated after as long."""
    retry_unreachable_minutes: Minutes = 15
    partner_response_minutes: Minutes = 240
    """For a partner of which nothing else is agreed."""

    same_words_minutes: Minutes = 10
    """What a partner says again within this time, in the same words under another id, is one note."""
    call_people_days: Annotated[int, Field(ge=0, le=3650)] = 30
    """So long after a joint call is over it is known who joined, and by which link."""

    def next_look(self, looked: int) -> timedelta:
        """How long to wait for the next look, after `looked` that found none."""
        first = timedelta(seconds=self.reconcile_after_seconds)
        between = (timedelta(minutes=self.look_minutes) - first) / (self.looks - 1)
        return max(between, timedelta(seconds=1)) if looked else first

    @property
    def missed_after(self) -> timedelta:
        """A ticket is missing when every look for so long found nothing."""
        return timedelta(minutes=self.look_minutes) - timedelta(seconds=self.reconcile_after_seconds)


policies = Policies("ecps", EcpsPolicy)
