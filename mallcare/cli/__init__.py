"""Command line of mallcare: one module per command, found by `mallcare --help`."""
