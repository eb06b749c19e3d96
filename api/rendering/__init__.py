"""From what use cases answer to the bodies of the contract, as far as the caller may read them."""
