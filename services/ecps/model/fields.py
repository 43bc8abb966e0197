"""The values that commands of this service take."""

from typing import Annotated

from pydantic import AfterValidator

from libs.events.values import Window


def _forward(window: Window) -> Window:
    if window.ends <= window.starts:
        raise ValueError("it ends before it begins")
    return window


Span = Annotated[Window, AfterValidator(_forward)]
"""A window of time that ends after it begins."""
