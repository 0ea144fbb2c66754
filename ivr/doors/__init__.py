"""Layer 1: the doors. Parse, call a use case, show."""
