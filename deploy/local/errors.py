"""What stops the stack from starting or staying up, in words for the person at the keyboard."""


class CannotRun(Exception):
    """One line: what is wrong, and what to do about it."""
