"""`python -m tests.clients [language …]`: a client of the whole API in each language, generated from the document, compiled and used.

What is used is in `use/`, and calls the service `cases` on a PostgreSQL of its own; with POLYPLUS_URL and POLYPLUS_TOKEN in the environment it
calls that stack. A language whose tools are not here is left out with a line that says so. The exit code is 1 where one fails.

What is the generators' own or Java's, and whoever generates does as this does:

- openapi-generator leaves out the form's model in Java where a body may be a form or something else, and imports it all the same
  (its issue 24727): `skipFormModel=false`. A default that is made of objects it writes down as code that does not compile (24993); the document says
  such a default in words.
- Java's HttpClient asks a server without TLS to go over to HTTP/2, and uvicorn, which answers here without a gateway before it, then loses
  the body: `HttpClient.Version.HTTP_1_1`.
- openapi-typescript takes a field with a default for one that has to be sent: `--default-non-nullable=false`.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from deploy.local.errors import CannotRun
from deploy.local.postgres import temporary_postgres
from tests.clients import jars
from tests.support.documents import whole_document
from tests.support.services import behind_one_door

ROOT = Path(__file__).parents[2]
HOME = ROOT / ".polyplus" / "clients"
USE = Path(__file__).with_name("use")
NPM = ("openapi-typescript@7.13.0", "openapi-fetch@0.17.0", "typescript@5.9.3")


@dataclass(frozen=True)
class Language:
    tools: tuple[str, ...]
    make: Callable[[Path, Path], list[str]]
    """Generates from the document and compiles, in a folder of its own; the command that runs what was compiled."""


def typescript(document: Path, out: Path) -> list[str]:
    shutil.copy(USE / "use.ts", out)
    (out / "package.json").write_text('{"type": "module"}', "utf-8")
    _run(["npm", "install", "--no-save", "--no-package-lock", "--no-audit", "--no-fund", *NPM], out)
    tools = out / "node_modules" / ".bin"
    generated = ["--output", "polyplus.d.ts", "--default-non-nullable=false"]
    _run([str(tools / "openapi-typescript"), str(document), *generated], out)
    _run([str(tools / "tsc"), "--strict", "--target", "es2022", "--module", "nodenext", "polyplus.d.ts", "use.ts"], out)
    return ["node", str(out / "use.js")]


def java(document: Path, out: Path) -> list[str]:
    named = "invokerPackage=polyplus,apiPackage=polyplus.api,modelPackage=polyplus.model"
    options = f"{named},openApiNullable=false,useSingleRequestParameter=true,hideGenerationTimestamp=true"
    needed = _generate("java", document, out, options, "--library", "native")
    sources = [str(each) for each in (out / "src" / "main" / "java").rglob("*.java")]
    path = os.pathsep.join([str(each) for each in needed] + [str(out / "classes")])
    (out / "sources").write_text("\n".join([*sources, str(USE / "Use.java")]), "utf-8")
    _run(["javac", "-encoding", "UTF-8", "-nowarn", "-d", "classes", "-cp", path, "@sources"], out)
    return ["java", "-cp", path, "Use"]


def go(document: Path, out: Path) -> list[str]:
    _generate("go", document, out / "polyplus", "packageName=polyplus,withGoMod=false")
    for name in ("main.go", "go.mod", "go.sum"):
        shutil.copy(USE / name, out)
    _run(["go", "build", "-o", "use", "."], out)
    return [str(out / "use")]


LANGUAGES = {
    "typescript": Language(("node", "npm"), typescript),
    "java": Language(("java", "javac"), java),
    "go": Language(("java", "go"), go),
}


def _generate(language: str, document: Path, out: Path, options: str, *more: str) -> list[Path]:
    """With openapi-generator; what its Java clients need on their class path."""
    generator, needed = jars.fetched()
    left_out = ",".join(f"{each}=false" for each in ("apiTests", "modelTests", "apiDocs", "modelDocs", "skipFormModel"))
    how = [
        "-i",
        str(document),
        "-o",
        str(out),
        "--global-property",
        left_out,
        "--additional-properties",
        options,
        *more,
    ]
    out.mkdir(exist_ok=True)
    with (out / "generator.log").open("w") as log:
        subprocess.run(["java", "-jar", str(generator), "generate", "-g", language, *how], stdout=log, check=True)
    return needed


def _run(argv: Sequence[str], where: Path) -> None:
    subprocess.run(argv, cwd=where, check=True)


def compiled(languages: Mapping[str, Language], document: Path, home: Path) -> tuple[dict[str, list[str]], list[str]]:
    """What can be run, by language; and the languages that failed."""
    programs, failed = {}, []
    for name, language in languages.items():
        if missing := [tool for tool in language.tools if shutil.which(tool) is None]:
            print(f"{name}: left out, there is no {', '.join(missing)} here", flush=True)
            continue
        out = home / name
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        try:
            programs[name] = language.make(document, out)
        except subprocess.CalledProcessError as error:
            failed.append(name)
            print(f"{name}: {Path(error.cmd[0]).name} failed, see above", file=sys.stderr)
        except CannotRun as error:
            failed.append(name)
            print(f"{name}: {error}", file=sys.stderr)
        else:
            print(f"{name}: generated in {out.relative_to(home.parent)}, and compiles", flush=True)
    return programs, failed


async def used(programs: Mapping[str, list[str]]) -> list[str]:
    """The languages whose program did not do what it should."""
    if url := os.environ.get("POLYPLUS_URL"):
        return await _used_at(url, os.environ["POLYPLUS_TOKEN"], programs)
    with temporary_postgres() as postgres:
        async with behind_one_door(postgres, ["cases"]) as (url, services):
            return await _used_at(url, services["cases"].token("customer", [UUID(int=2)]), programs)


async def _used_at(url: str, token: str, programs: Mapping[str, list[str]]) -> list[str]:
    failed = []
    for name, argv in programs.items():
        print(f"{name}: ", end="", flush=True)
        called = {**os.environ, "POLYPLUS_URL": url, "POLYPLUS_TOKEN": token}
        if await (await asyncio.create_subprocess_exec(*argv, env=called)).wait():
            failed.append(name)
    return failed


def main(wanted: Sequence[str]) -> int:
    HOME.mkdir(parents=True, exist_ok=True)
    document = HOME / "openapi.json"
    document.write_text(json.dumps(whole_document(), ensure_ascii=False), "utf-8")
    programs, failed = compiled({name: LANGUAGES[name] for name in wanted or LANGUAGES}, document, HOME)
    if programs:
        failed += asyncio.run(used(programs))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
