"""Clients in other languages than Python, generated from the document, compiled and used; not part of the tests."""
