"""Ports for a stack beside whatever runs here."""

from deploy.local.members import DEFAULT_PORTS
from deploy.local.ports import free_port


def free_ports() -> dict[str, str]:
    """Not the default ones, as the environment names them: what somebody runs here keeps its own."""
    taken: frozenset[int] = frozenset()
    for _ in range(len(DEFAULT_PORTS) + 3):
        taken |= {free_port(taken)}
    names = (*DEFAULT_PORTS, "postgres", "kafka", "kafka_controller")
    return {f"POLYPLUS_{name.upper()}_PORT": str(port) for name, port in zip(names, taken, strict=True)}
