"""The guided tour: sample orders, six scenes over the public API, a timeline of each."""
