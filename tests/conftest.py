"""Fixtures of the whole suite live in plugin modules, one for each engine; and how a parallel run is dealt."""

pytest_plugins = ["tests.database", "tests.scheduling"]
