"""Portevoix: recorded messages by telephone, with a notice, a stop that stops and a listen rate that is proved."""
