"""A set of roles has one name, in libs/kit/auth.py: who reads a route sees at once what the next one means."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from libs.kit import auth

ROOT = Path(__file__).parents[2]
FILES = [file for file in (ROOT / "services").rglob("*.py") if "tests" not in file.relative_to(ROOT).parts]
NAMED = {
    name: found
    for name, found in vars(auth).items()
    if isinstance(found, frozenset) and found <= auth.ROLES and name != "ROLES"
}


def spelled_out(tree: ast.AST) -> Iterator[str]:
    """Named sets that are written role by role, in a collection or in `allow(…)`; a `Literal` is a type, and no set."""
    types = {id(node.slice) for node in ast.walk(tree) if isinstance(node, ast.Subscript)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple | ast.List | ast.Set) and id(node) not in types:
            here, line = node.elts, node.lineno
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "allow":
            here, line = node.args, node.lineno
        else:
            continue
        said = {each.value for each in here if isinstance(each, ast.Constant)}
        yield from (f"line {line}: {name} is spelled out" for name, roles in NAMED.items() if roles <= said)


def test_no_service_spells_out_a_set_of_roles() -> None:
    found = [f"{file.relative_to(ROOT)} {line}" for file in FILES for line in spelled_out(ast.parse(file.read_text()))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("line", ['KEEPERS = ("depot", "manager", "admin")', 'allow("manager", "admin", "depot")'])
def test_one_that_is_spelled_out_is_seen(line: str) -> None:
    assert list(spelled_out(ast.parse(line)))
