"""Enter what the partner said: an engineer who was told by telephone, or the partner through our API (S8)."""

from uuid import UUID

from pydantic import AwareDatetime

from libs.kit.fields import Line, Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store.ids import new_id
from services.ecps.model.news import Kind, News
from services.ecps.queries.access import COMMANDS
from services.ecps.queries.engagements import EngagementOut, engagement_for
from services.ecps.reactions.hear_partner import hear

router = Router(tags=["partner engagements"])


class EnterNews(Command):
    """`occurred_at`: now when it is left out, and never later than now."""

    kind: Kind
    text: Text | None = None
    status: Line | None = None
    occurred_at: AwareDatetime | None = None


@router.post(
    "/v1/partner-engagements/{engagement_id}/partner-updates",
    dependencies=[allow(*COMMANDS.roles("partner_updates"))],
)
async def enter_news_route(engagement_id: UUID, cmd: EnterNews, tx: Tx, caller: Caller) -> EngagementOut:
    """What the partner said, by telephone or through our API."""
    its = await engagement_for(caller, engagement_id, tx, "partner_updates")
    at = min(cmd.occurred_at or tx.now, tx.now)
    news = News(event=str(new_id()), occurred_at=at, **cmd.model_dump(exclude={"occurred_at"}))
    await hear(its.engagement, news, tx)
    return EngagementOut.of(its, caller)
