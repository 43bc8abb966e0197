"""Every event of every service goes into the stream."""

from libs.bus import Handlers
from libs.events.catalogue import published
from services.activity.reactions.append_events import append_events

on = Handlers("activity")
on.every(*sorted({event.contract.topic for event in published().values()}))(append_events)
