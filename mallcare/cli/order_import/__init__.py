"""Importing a file of orders through the public API: reading lines, sending batches, remembering how far."""
