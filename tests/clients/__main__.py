"""`python -m tests.clients`: generates the types of the whole API in TypeScript with openapi-typescript, and compiles them.

It needs node and npx; without them it says so and leaves it out. The exit code is 1 where it fails.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.support.documents import whole_document

ROOT = Path(__file__).parents[2]
HOME = ROOT / ".polyplus" / "clients"


def typescript(document: Path, out: Path) -> None:
    packages = ["--package", "openapi-typescript@7", "--package", "typescript@5"]
    _run(["npx", "--yes", *packages, "openapi-typescript", str(document), "--output", "polyplus.d.ts"], out)
    (out / "use.ts").write_text(
        'import type { operations } from "./polyplus";\n'
        'type Opened = operations["open_case"]["responses"][201]["content"]["application/json"];\n'
        "export const priority = (opened: Opened): string => opened.priority;\n",
        "utf-8",
    )
    _run(["npx", "--yes", *packages, "tsc", "--noEmit", "--strict", "polyplus.d.ts", "use.ts"], out)


def _run(argv: Sequence[str], where: Path) -> None:
    subprocess.run(argv, cwd=where, check=True)


LANGUAGES: dict[str, tuple[Callable[[Path, Path], None], tuple[str, ...]]] = {
    "typescript": (typescript, ("node", "npx")),
}


def main(wanted: Sequence[str]) -> int:
    failed = []
    for language in wanted or LANGUAGES:
        make, tools = LANGUAGES[language]
        if missing := [tool for tool in tools if shutil.which(tool) is None]:
            print(f"{language}: left out, there is no {', '.join(missing)} here")
            continue
        out = HOME / language
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        document = HOME / "openapi.json"
        document.write_text(json.dumps(whole_document(), ensure_ascii=False), "utf-8")
        try:
            make(document, out)
        except subprocess.CalledProcessError as error:
            failed.append(language)
            print(f"{language}: {error}", file=sys.stderr)
        else:
            print(f"{language}: generated in {out.relative_to(ROOT)}, and compiles")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
