"""What a feature name, a well name, a profile table, a mistake and a ledger line are."""
