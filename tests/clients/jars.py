"""The generator and what its Java clients need: the files of clients.lock.toml and no others, each checked by its SHA-256.

`python -m tests.clients.jars` resolves them anew and writes the lock.
"""

from pathlib import Path

from jgo.env._lockfile import LockedDependency

from deploy.local import jars

GENERATOR = LockedDependency("org.openapitools", "openapi-generator-cli", "7.25.0", "jar", "")
"""Holds all that it needs itself."""
NEEDED = (
    "com.fasterxml.jackson.datatype:jackson-datatype-jsr310:2.21.5",
    "org.apache.httpcomponents:httpmime:4.5.14",
    "jakarta.annotation:jakarta.annotation-api:1.3.5",
    "com.google.code.findbugs:jsr305:3.0.2",
)
"""As the generator's own pom.xml names them for its library `native`."""
LOCK = Path(__file__).with_name("clients.lock.toml")


def fetched() -> tuple[Path, list[Path]]:
    """The generator, and the class path of what it makes in Java."""
    found = jars.class_path(LOCK, "the generator of clients")
    generator = next(path for path in found if path.name.startswith(GENERATOR.artifactId))
    return generator, [path for path in found if path != generator]


if __name__ == "__main__":
    jars.lock("+".join(NEEDED), LOCK, "clients", also=[GENERATOR])
