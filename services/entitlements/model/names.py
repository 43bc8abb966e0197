"""Accounts, sites and contacts are found by the words of their names, however they were typed."""

import sqlalchemy as sa

from libs.kit.text import words
from libs.store import Entity
from libs.store.metadata import metadata

_MOST = 8
name_words = sa.Table(
    "name_words",
    metadata("entitlements"),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("word", sa.Text, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("account_id", sa.Uuid, nullable=False),
    sa.Index("name_words_id_idx", "id"),
)
"""Kept by triggers. Words in a B-tree, since an index on an array is not used under row-level security."""


def named(cls: type[Entity], text: str) -> sa.ColumnElement[bool]:
    """Those whose name has a word that begins as each word of the text does; none for a text without a word."""
    wanted = words(text)[:_MOST]
    if not wanted:
        return sa.false()
    c = name_words.c
    # a range, not LIKE, which is not looked up under row-level security
    here = c.kind == cls.table.name
    found = [sa.select(c.id).where(here, c.word >= word, c.word < word + "\U0010ffff") for word in wanted]
    ids: sa.ColumnElement[bool] = cls.c.id == sa.any_(sa.func.array(sa.intersect(*found).scalar_subquery()))
    return ids
