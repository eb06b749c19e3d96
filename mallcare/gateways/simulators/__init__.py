"""Stand-ins for vendors, each its own ASGI app reached over real HTTP.

They keep a ledger that judges what was really paid, and break on demand through `/admin`, which
has no authentication: bind them to loopback.
"""
