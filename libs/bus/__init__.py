"""The runtime between services: envelope, relay, consumer, timers, jobs, dead letters."""

from libs.bus.envelope import Delivery
from libs.bus.handlers import Handlers
from libs.bus.jobs import GiveUp, JobRun, Jobs
from libs.bus.replicas import Replicas
from libs.bus.timers import Timers

__all__ = ["Delivery", "GiveUp", "Handlers", "JobRun", "Jobs", "Replicas", "Timers"]
