"""Every kind of problem of the house is in the catalogue that callers read, in both languages."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import libs
import services
from libs.kit.problems import Conflict, Problem
from services.gateway.documents.problem_types import TYPES


def kinds(of: type[Problem] = Problem) -> Iterator[type[Problem]]:
    yield of
    for each in of.__subclasses__():
        yield from kinds(each)


def of_the_house() -> list[type[Problem]]:
    """Those of all modules of libraries and services, their tests' not."""
    for package in (libs, services):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not re.search(r"\.(tests|migrations)\b|__main__", found.name):
                importlib.import_module(found.name)
    return [
        kind
        for kind in kinds()
        if kind.__module__.startswith(("libs.", "services.")) and ".tests." not in kind.__module__
    ]


def name_of(kind: type[Problem]) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", kind.__name__).lower()


def answered() -> set[str]:
    """The classes that code of the house, and not its tests, makes one of."""
    files = [file for package in (libs, services) for file in Path(package.__path__[0]).rglob("*.py")]
    calls = [
        node.func
        for file in files
        if "tests" not in file.parts
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call)
    ]
    return {call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls}


def test_every_kind_of_problem_is_in_the_catalogue_and_nothing_else_is() -> None:
    assert sorted(map(name_of, of_the_house())) == sorted(TYPES)  # one class each
    assert {kind.__name__ for kind in of_the_house()} - answered() == set()
    assert Conflict("").type == TYPES["conflict"].type


def test_the_catalogue_says_what_the_classes_say() -> None:
    said = {name_of(kind): (kind.status, kind.title) for kind in of_the_house()}
    assert {name: (each.status, each.title) for name, each in TYPES.items()} == said


def test_both_languages_say_something_and_not_the_same() -> None:
    for each in TYPES.values():
        english, vietnamese = each.words["en"], each.words["vi"]
        assert english.title != vietnamese.title
        assert english.text != vietnamese.text
        assert all(len(word.text) > 10 and word.text.endswith(".") for word in each.words.values())
