"""A Program as C11: generated tables, a runtime written by hand, and how to build both."""
