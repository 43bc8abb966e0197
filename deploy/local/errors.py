"""What stops the stack from starting or staying up, in words for the person at the keyboard."""


class CannotRun(Exception):  # noqa: N818  (it is shown as it is: one line that says what to do)
    """One line: what is wrong, and what to do about it."""
