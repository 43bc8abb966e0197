"""Kafka's jars: those of kafka.lock.toml and no others, fetched once per user, each checked against its SHA-256 at every start."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from jgo import resolve
from jgo.env import LockFile
from jgo.env._lockfile import LockedDependency, compute_sha256  # the package exports only the file as a whole
from jgo.maven import Artifact, MavenContext, PythonResolver

from deploy.local.errors import CannotRun
from deploy.local.processes import ROOT

KAFKA = "org.apache.kafka:kafka_2.13:4.3.0"
# The "!" keeps log4j's own dependency management out: it would take kafka-clients back to 3.9.
LOGGING = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4!"
LOCK = Path(__file__).with_name("kafka.lock.toml")


def _to_stderr(line: str) -> None:
    """On a terminal one line, which counts; elsewhere the first word of it."""
    counts = line.startswith("  ")
    if not sys.stderr.isatty():
        if not counts:
            print(line, file=sys.stderr, flush=True)
        return
    if counts:
        print(f"\r\x1b[K{line[:79]}", end="", file=sys.stderr, flush=True)
        done, _, of = line.split(maxsplit=1)[0].partition("/")
        if done == of:
            print(f"\r\x1b[K  {of} files are there", file=sys.stderr, flush=True)
    else:
        print(line, file=sys.stderr, flush=True)


def kafka_class_path(*, say: Callable[[str], None] = _to_stderr) -> list[Path]:
    """Kafka's jars; downloads what is missing and tells so, one line per jar."""
    return class_path(LOCK, "Kafka, about 44 MB", say=say)


def class_path(lock: Path, name: str, *, say: Callable[[str], None] = _to_stderr) -> list[Path]:
    """The files in the order of the lock; downloads what is missing and tells so, one line per file."""
    cache = _cache()
    locked = LockFile.load(lock).dependencies
    with _one_at_a_time(cache):
        context = _context(cache)
        wanted = [(jar, _artifact(context, jar)) for jar in locked]
        missing = [(jar, artifact) for jar, artifact in wanted if not _is_whole(_place(artifact), jar)]
        if missing:
            say(f"fetching {name}: {len(missing)} of {len(locked)} files (once)")
        for number, (jar, artifact) in enumerate(missing, start=1):
            size = _fetch(jar, artifact)
            say(f"  {number:>2}/{len(missing)} {artifact.filename} {size / 1e6:.1f} MB")
        return [_place(artifact) for _, artifact in wanted]


def lock_jars() -> LockFile:
    """Resolve Kafka and its logging anew and write down what that gave. For `polyplus lock-jars`, not for a start."""
    return lock(f"{KAFKA}+{LOGGING}", LOCK, "kafka")


def lock(wanted: str, path: Path, name: str, also: Sequence[LockedDependency] = ()) -> LockFile:
    """Resolve what is wanted anew, add other files as they are named, and write down what that gave."""
    cache = _cache()
    with _one_at_a_time(cache):
        context = _context(cache)
        resolved = resolve(wanted)
        locked = [LockedDependency(a.groupId, a.artifactId, a.version, a.packaging, a.classifier) for a in resolved]
        locked += also
        for jar in locked:
            jar.sha256 = compute_sha256(_artifact(context, jar).resolve())
    locked.sort(key=lambda jar: (jar.groupId, jar.artifactId))
    written = LockFile(locked, environment_name=name)
    written.save(path)
    return written


def _fetch(jar: LockedDependency, artifact: Artifact) -> int:
    # What lies there is half a download or was changed: neither is worth keeping.
    _place(artifact).unlink(missing_ok=True)
    try:
        artifact.resolve()
    except Exception as failure:
        _place(artifact).unlink(missing_ok=True)
        raise CannotRun(
            f"could not fetch {artifact.filename} ({type(failure).__name__}): check the network and try again"
        ) from failure
    if not _is_whole(_place(artifact), jar):
        _place(artifact).unlink(missing_ok=True)
        raise CannotRun(
            f"{artifact.filename} is not the file that the lock names (SHA-256 differs): it was thrown away; try again"
        )
    return _place(artifact).stat().st_size


def _is_whole(path: Path, jar: LockedDependency) -> bool:
    return path.exists() and compute_sha256(path) == jar.sha256


def _artifact(context: MavenContext, jar: LockedDependency) -> Artifact:
    component = context.project(jar.groupId, jar.artifactId).at_version(jar.version)
    return component.artifact(classifier=jar.classifier or "", packaging=jar.packaging)


def _place(artifact: Artifact) -> Path:
    place = artifact.cached_path
    assert place is not None
    return place


def _context(cache: Path) -> MavenContext:
    return MavenContext(resolver=PythonResolver(), repo_cache=cache, local_repos=[], timeout=60)


def _cache() -> Path:
    """Shared by every checkout of this user, and left by `make clean`; without a home that can be written to, this checkout's."""
    with suppress(OSError, RuntimeError):  # no home; read-only; not ours
        place = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "polyplus" / "jars"
        place.mkdir(parents=True, exist_ok=True)
        (place / ".lock").open("a").close()
        return place
    place = ROOT / ".polyplus" / "jars"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


@contextmanager
def _one_at_a_time(cache: Path) -> Iterator[None]:
    with (cache / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
