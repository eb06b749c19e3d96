"""Measurements of the whole platform, each against its floor in the same run (`make bench`)."""
