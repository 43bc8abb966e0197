"""`python -m tests.clients [LANGUAGE …]`: generates a client of the whole API in TypeScript, Java and Go, and compiles it.

It takes what is at hand: node and npx for TypeScript, a JDK and Maven for Java, both and go for Go; the generators come from the
public registries. What is not at hand is said and left out; the exit code is 1 where one of the others fails.
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
_PLUGIN = "org.openapitools:openapi-generator-maven-plugin:7.17.0:generate"


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


def java(document: Path, out: Path) -> None:
    _generate("java", document, out, "library=native,hideGenerationTimestamp=true")
    _run(["mvn", "--quiet", "--batch-mode", "compile"], out)


def go(document: Path, out: Path) -> None:
    _generate("go", document, out, "packageName=polyplus,withGoMod=true")
    _run(["go", "mod", "tidy"], out)
    _run(["go", "build", "./..."], out)


def _generate(generator: str, document: Path, out: Path, more: str) -> None:
    said = {"inputSpec": document, "generatorName": generator, "output": out, "generateModelTests": "false"}
    given = [f"-Dopenapi.generator.maven.plugin.{name}={value}" for name, value in said.items()]
    given += ["-Dopenapi.generator.maven.plugin.generateApiTests=false"]
    given += [f"-Dopenapi.generator.maven.plugin.configOptions={more}"]
    _run(["mvn", "--quiet", "--batch-mode", _PLUGIN, *given], out)


def _run(argv: Sequence[str], where: Path) -> None:
    subprocess.run(argv, cwd=where, check=True)


LANGUAGES: dict[str, tuple[Callable[[Path, Path], None], tuple[str, ...]]] = {
    "typescript": (typescript, ("node", "npx")),
    "java": (java, ("javac", "mvn")),
    "go": (go, ("go", "javac", "mvn")),
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
