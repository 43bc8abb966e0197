from __future__ import annotations

from pathlib import Path

import yaml  # type: ignore[import-untyped]

from deploy.local import prometheus
from deploy.local.members import DEFAULT_PORTS


def test_prometheus_is_told_the_ports_in_use(tmp_path: Path) -> None:
    """Every target is where its process listens, and what the template says besides is kept."""
    in_use = {name: f"127.0.0.1:{21000 + at}" for at, name in enumerate(DEFAULT_PORTS)}
    prometheus.write(tmp_path, {f"POLYPLUS_{name.upper()}_URL": f"http://{place}" for name, place in in_use.items()})
    written = yaml.safe_load((tmp_path / prometheus.FILE).read_text())
    template = yaml.safe_load(prometheus.TEMPLATE.read_text())
    [job], [known] = written["scrape_configs"], template["scrape_configs"]
    assert [each["labels"] for each in job["static_configs"]] == [each["labels"] for each in known["static_configs"]]
    ports = {f"127.0.0.1:{port}": in_use[name] for name, port in DEFAULT_PORTS.items()}
    assert [each["targets"] for each in job["static_configs"]] == [
        [ports[target] for target in each["targets"]] for each in known["static_configs"]
    ]
    [rules] = written["rule_files"]
    assert Path(rules).is_file()
    assert written["global"] == template["global"]
