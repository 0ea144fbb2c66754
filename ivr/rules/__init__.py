"""Layer 4: the rules. No I/O, no clock of their own, no library of the outside world."""
