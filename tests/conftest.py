"""Fixtures of the whole suite live in plugin modules, one for each engine."""

pytest_plugins = ["tests.database"]
