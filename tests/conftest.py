"""Fixtures of the whole suite live in plugin modules, one for each engine; `scheduling` deals out tests."""

pytest_plugins = ["tests.temporary", "tests.database", "tests.scheduling"]
