"""The runtime between services: envelope, relay, consumer, timers, jobs, dead letters."""

from libs.bus.envelope import Delivery
from libs.bus.handlers import Handlers
from libs.bus.jobs import GiveUp, JobRun, Jobs
from libs.bus.lanes import Attempt, Lanes, Outcome
from libs.bus.replicas import Replicas
from libs.bus.timers import Timers

__all__ = ["Attempt", "Delivery", "GiveUp", "Handlers", "JobRun", "Jobs", "Lanes", "Outcome", "Replicas", "Timers"]
