"""`python -m libs.events`: record the contracts in docs/contracts and tests/contract/samples, and check what is recorded."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from libs.events.asyncapi import asyncapi
from libs.events.base import upcasts
from libs.events.catalogue import published
from libs.events.compatibility import breaks
from libs.events.samples import sample_of
from libs.events.schemas import recorded_schemas

WIDTH = 140
ROOT = Path(__file__).resolve().parents[2]


class Records:
    """The generated files under one root: schemas and AsyncAPI follow the code, samples are written once and stay."""

    def __init__(self, root: Path = ROOT) -> None:
        self.current = recorded_schemas()
        self.schemas = root / "docs" / "contracts" / "schemas"
        self.asyncapi = root / "docs" / "contracts" / "asyncapi.json"
        self.samples = root / "tests" / "contract" / "samples"

    def broken(self) -> list[str]:
        """One line for each way in which the code no longer keeps a recorded contract."""
        superseded, lines = upcasts(), []
        for path in sorted(self.schemas.glob("*.json")):
            ce_type = path.stem
            name, _, version = ce_type.rpartition(".v")
            advice = f"keep {ce_type} as it is recorded and make {name}.v{int(version) + 1} with an upcaster from it"
            if ce_type in self.current:
                reasons = breaks(json.loads(path.read_text("utf-8")), self.current[ce_type])
                lines += [f"{ce_type}: {reason}; {advice}" for reason in reasons]
            elif ce_type not in superseded:
                lines.append(f"{ce_type}: the event was removed or renamed; {advice}")
        for event in published().values():
            contract = event.contract
            older = f"{contract.name}.v{contract.version - 1}"
            if contract.version > 1 and superseded.get(older) != contract.ce_type:
                lines.append(f"{contract.ce_type}: {older} has no upcaster to it")
        return lines

    def stale(self) -> list[str]:
        """Generated files that are not what the code says."""
        wanted = {self.schemas / f"{name}.json": schema for name, schema in self.current.items()}
        wanted[self.asyncapi] = asyncapi()
        differing = [p for p, content in wanted.items() if not p.exists() or p.read_text("utf-8") != _text(content)]
        return [p.name for p in differing] + [
            f"the sample of {n}" for n in self.current if not self._sample(n).exists()
        ]

    def write_schemas(self) -> None:
        self.schemas.mkdir(parents=True, exist_ok=True)
        for ce_type, schema in self.current.items():
            _write(self.schemas / f"{ce_type}.json", _text(schema))

    def write_asyncapi(self) -> None:
        _write(self.asyncapi, _text(asyncapi()))

    def write_samples(self) -> None:
        self.samples.mkdir(parents=True, exist_ok=True)
        for ce_type, schema in self.current.items():
            if not self._sample(ce_type).exists():
                _write(self._sample(ce_type), _text(sample_of(ce_type, schema)))

    def _sample(self, ce_type: str) -> Path:
        return self.samples / f"{ce_type}.json"


def _text(content: Any) -> str:
    return _laid_out(content, "") + "\n"


def _laid_out(node: Any, indent: str) -> str:
    """JSON with everything on one line that fits there: a field is a line, and so is a change to it."""
    line = json.dumps(node, ensure_ascii=False)
    if len(indent) + len(line) <= WIDTH or not isinstance(node, dict | list) or not node:
        return line
    deeper = indent + " "
    if isinstance(node, list):
        return "[\n" + ",\n".join(deeper + _laid_out(item, deeper) for item in node) + f"\n{indent}]"
    fields = (f"{deeper}{json.dumps(name)}: {_laid_out(item, deeper)}" for name, item in node.items())
    return "{\n" + ",\n".join(fields) + f"\n{indent}}}"


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text("utf-8") != text:
        path.write_text(text, "utf-8")


def main(arguments: list[str], records: Records | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m libs.events", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("check", help="is what is recorded up to date, and does the code still keep it?")
    verbs.add_parser("record", help="record additive changes: schemas, asyncapi and sample in one")
    verbs.add_parser("schemas", help="write docs/contracts/schemas")
    verbs.add_parser("asyncapi", help="write docs/contracts/asyncapi.json")
    verbs.add_parser("sample", help="write a sample of each event that has none; existing ones stay as they are")
    verb, records = parser.parse_args(arguments).verb, records or Records()

    broken = records.broken()
    if broken:
        print(*broken, sep="\n", file=sys.stderr)
        return 1
    if verb == "check":
        stale = records.stale()
        if stale:
            print(f"run `python -m libs.events record`: not up to date: {', '.join(stale)}", file=sys.stderr)
        return 1 if stale else 0
    if verb in {"schemas", "record"}:
        records.write_schemas()
    if verb in {"asyncapi", "record"}:
        records.write_asyncapi()
    if verb in {"sample", "record"}:
        records.write_samples()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
