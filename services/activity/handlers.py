"""Every event of every service goes into the stream; who is forgotten is so here too."""

from libs.bus import Handlers, Replicas
from libs.events.catalogue import published
from libs.events.entitlements import ContactErased, ContactState
from libs.events.gateway import PersonErased, PersonState
from libs.kit.forgetting import obey
from services.activity.model.known_people import KnownContact, KnownPerson
from services.activity.reactions.append_events import append_events

on = Handlers("activity")
on.every(*sorted({event.contract.topic for event in published().values()}))(append_events)

replicas = Replicas("activity")
replicas.keep(KnownPerson, of=PersonState)
replicas.keep(KnownContact, of=ContactState)
obey(on, PersonErased, [KnownPerson], of=replicas)
obey(on, ContactErased, [KnownContact], of=replicas)
