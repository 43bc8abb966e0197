"""What people call the columns of their tables."""

from collections.abc import Mapping

from libs.kit.text import words


def said(called: Mapping[str, str]) -> dict[str, str]:
    """The column of each name; `called` lists them for each column, between commas."""
    return {" ".join(words(each)): column for column, names in called.items() for each in names.split(",")}
