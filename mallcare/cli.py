"""Command line of mallcare."""


def main() -> None: ...
