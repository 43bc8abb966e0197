"""What has a name: its list is sorted by it, and found by the words of it.

    class Depot(Found, Entity, table="depots", unique=("code",), indexes=(("sort_key", "id"),)):
        searched = ("code", "name")

    class DepotList(Listing):
        q: Words = None
        sort: str = order("code", "name")

Who gives a thing its name gives it its keys: nothing else writes them.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import sqlalchemy as sa
from pydantic import Field

from libs.kit.fields import Line
from libs.kit.text import sort_key, words
from libs.store.rewriting import rewrite, see_all_rows

LONGEST = 300
"""Characters of a key: enough to tell names apart, and few enough for a cursor and an index."""
Words = Annotated[
    Line | None,
    Field(description="words of its name, or of its code or number, or how they begin; with or without diacritics"),
]


@dataclass(kw_only=True, eq=False)
class Named:
    """With `sort_key`: by it a list is sorted by `name`, whatever the collation of the database."""

    named_by: ClassVar[str] = "name"

    sort_key: Annotated[str, sa.DefaultClause("")] = field(init=False)

    def __setattr__(self, name: str, value: Any) -> None:
        """Of a name, its key too; of none, none."""
        super().__setattr__(name, value)
        if name == self.named_by:
            self.__dict__["sort_key"] = sort_key(value)[:LONGEST] if value else ""


@dataclass(kw_only=True, eq=False)
class Found(Named):
    """One of a few thousand at most: `words` are looked through, all of them. Words of more have a table and an index."""

    searched: ClassVar[tuple[str, ...]] = ("name",)

    words: Annotated[str, sa.DefaultClause("")] = field(init=False)

    def __setattr__(self, name: str, value: Any) -> None:
        """Of what is searched, its words too."""
        super().__setattr__(name, value)
        if name in self.searched:
            self.__dict__["words"] = words_of(*(getattr(self, each, "") for each in self.searched))


def words_of(*texts: str) -> str:
    """As `Found.words` keeps them: each after a space."""
    return "".join(f" {word}" for text in texts for word in words(text))


def has_words(column: Any, text: str) -> sa.ColumnElement[bool]:
    """Words that begin as each word of the text does; none for a text without a word."""
    return sa.and_(*(column.like(f"% {word}%") for word in words(text))) if words(text) else sa.false()


def give_keys(op: Any, table: str, *searched: str, named_by: str = "name") -> None:
    """In a migration: the columns of `Named`, or where something is `searched` of `Found`, with the index, in the rows that are there too."""
    keys = ("sort_key", "words") if searched else ("sort_key",)
    for key in keys:
        op.add_column(table, sa.Column(key, sa.Text(collation="C"), nullable=False, server_default=""))

    def anew(row: dict[str, Any]) -> dict[str, Any]:
        named = {"sort_key": sort_key(row[named_by])[:LONGEST]}
        return named | ({"words": words_of(*(row[each] for each in searched))} if searched else {})

    see_all_rows(op)
    rewrite(op, table, anew, *dict.fromkeys((named_by, *searched, *keys)))
    # Reference data says at the end that it has changed, and until then no index is made.
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    op.create_index(f"{table}_sort_key_id_idx", table, ["sort_key", "id"])
