from __future__ import annotations

from pathlib import Path

import yaml  # type: ignore[import-untyped]

from deploy.local import prometheus
from deploy.local.members import DEFAULT_PORTS, OPS_PORT
from deploy.services import SERVICES


def test_prometheus_is_told_the_ports_in_use(tmp_path: Path) -> None:
    """Every service is scraped where it listens, and everything else is as in the committed file."""
    in_use = {name: f"127.0.0.1:{21000 + at}" for at, name in enumerate(DEFAULT_PORTS)}
    prometheus.write(tmp_path, {f"POLYPLUS_{name.upper()}_URL": f"http://{place}" for name, place in in_use.items()})
    written = yaml.safe_load((tmp_path / prometheus.FILE).read_text())
    by_default = yaml.safe_load(prometheus.by_default())
    [job], [known] = written["scrape_configs"], by_default["scrape_configs"]
    assert [each["labels"] for each in job["static_configs"]] == [each["labels"] for each in known["static_configs"]]
    assert {each["labels"]["service"]: each["targets"] for each in job["static_configs"]} == {
        name: [in_use[OPS_PORT if name == "gateway" else name]] for name in SERVICES
    }
    [rules] = written["rule_files"]
    assert Path(rules).is_file()
    assert written["global"] == by_default["global"]
