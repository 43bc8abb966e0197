"""Figures as people read them."""


def number(value: float) -> str:
    """Three figures of what matters: 0.71, 4.7, 86.3, 1,811."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def with_unit(value: float, unit: str) -> str:
    return f"{number(value)}{unit}" if unit.startswith("/") else f"{number(value)} {unit}"


def ratio(value: float, *, of_a_limit: bool) -> str:
    """A share of a limit in percent, a multiple of a peer with ×."""
    return f"{value * 100:.0f} %" if of_a_limit else f"{value:.3g}×"
