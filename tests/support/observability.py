"""What deploy/observability says, read without the tools it is for."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "observability"
_OF_A_HISTOGRAM = re.compile(r"_(bucket|count|sum)$")


def alerts() -> dict[str, dict[str, str]]:
    """`expr` and `runbook_url` of each alert by its name."""
    found: dict[str, dict[str, str]] = {}
    for rule in (FOLDER / "alerts.yml").read_text().split("- alert: ")[1:]:
        name, _, rest = rule.partition("\n")
        found[name] = dict(re.findall(r"^ +(expr|runbook_url): (.+)$", rest, re.MULTILINE))
    return found


def seen_to_fire() -> set[str]:
    """The alerts that alerts.test.yml expects to fire at some time."""
    return set(re.findall(r"alertname: (\w+)\n +exp_alerts:\n", (FOLDER / "alerts.test.yml").read_text()))


def expressions() -> list[str]:
    """Every PromQL expression of the alerts and the dashboard."""
    return [rule["expr"] for rule in alerts().values()] + list(_expressions(json.loads(_dashboard())))


def metrics_named() -> set[str]:
    """The metrics in them, without the suffixes of a histogram's parts."""
    words = {word for each in expressions() for word in re.findall(r"\b(?:polyplus|process)_\w+", each)}
    return {_OF_A_HISTOGRAM.sub("", word) for word in words}


def _dashboard() -> str:
    return (FOLDER / "dashboard.json").read_text()


def _expressions(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "expr" in node:
            yield node["expr"]
        for each in node.values():
            yield from _expressions(each)
    elif isinstance(node, list):
        for each in node:
            yield from _expressions(each)
