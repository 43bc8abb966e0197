"""The model catalogue: what can be registered."""

from datetime import datetime

from libs.kit.names import Found
from libs.kit.problems import Unprocessable
from libs.store import Entity


class UnknownProduct(Unprocessable):
    title = "Not in the catalogue"


class UnknownRevision(Unprocessable):
    title = "No such hardware revision"


class Product(Found, Entity, table="products", unique=("product_number",), indexes=("family", ("sort_key", "id"))):
    """`whole_unit` False: a component that is covered by itself."""

    named_by = "model"
    searched = ("product_number", "model")

    product_number: str
    model: str
    family: str
    hardware_revisions: list[str]
    whole_unit: bool
    description: str | None
    created_at: datetime

    def check_revision(self, revision: str | None) -> None:
        """Raises UnknownRevision when the model has known revisions and this is none of them."""
        if revision is not None and self.hardware_revisions and revision not in self.hardware_revisions:
            raise UnknownRevision(
                f"{self.model} has no hardware revision {revision}.", known=self.hardware_revisions, given=revision
            )
