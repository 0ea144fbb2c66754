"""Layer 2: the use cases. What Portevoix does, in the words of the design."""
