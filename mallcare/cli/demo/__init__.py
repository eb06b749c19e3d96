"""The guided tour: sample orders, scenes over the public API, a timeline of each."""
