"""Clients in other languages than Python, generated from the document and compiled; not part of the tests."""
