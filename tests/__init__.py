"""The tests. They are a package so that they can share code: ``from tests.helpers import ...``."""
