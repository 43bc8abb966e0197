"""`.polyplus/prometheus.yml`: the scrape configuration of deploy/observability with the ports that this stack has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from deploy.local.members import DEFAULT_PORTS
from deploy.local.processes import ROOT

TEMPLATE = ROOT / "deploy" / "observability" / "prometheus.yml"
FILE = "prometheus.yml"
_TARGET = re.compile(r'(?<=targets: \[")127\.0\.0\.1:(\d+)(?="\])')
_RULES = re.compile(r"^(rule_files:\n  - )(.+)$", re.MULTILINE)


def write(home: Path, environment: Mapping[str, str]) -> None:
    """Each target of the template is a process by its default port; here it is where that process listens."""
    at = {
        port: urlsplit(environment.get(f"POLYPLUS_{name.upper()}_URL", "")).netloc
        for name, port in DEFAULT_PORTS.items()
    }
    text = TEMPLATE.read_text()
    config = text[text.index("global:") :]
    config = _TARGET.sub(lambda target: at[int(target[1])] or target[0], config)
    config = _RULES.sub(lambda rules: f'{rules[1]}"{TEMPLATE.parent / rules[2]}"', config)
    new = home / f"{FILE}.new"
    new.write_text(f"# Written by each start: prometheus --config.file={home / FILE}\n{config}", encoding="utf-8")
    new.replace(home / FILE)
