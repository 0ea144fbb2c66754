"""Layer 3: the adapters. One library or program each, hidden completely."""
