"""What the messaging vendors' simulators share: a ledger of what was shown to whom, faults, admin doors."""
