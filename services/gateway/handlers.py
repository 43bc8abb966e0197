"""What the gateway hears: who the customers' people are, and that one of them is forgotten."""

from libs.bus import Handlers, Replicas
from libs.events.entitlements import ContactErased, ContactState
from libs.kit.forgetting import obey
from services.gateway.model.known_contact import KnownContact

on = Handlers("gateway")
replicas = Replicas("gateway")
replicas.keep(KnownContact, of=ContactState)
obey(on, ContactErased, [KnownContact], of=replicas)
