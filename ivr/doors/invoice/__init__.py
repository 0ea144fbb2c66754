"""Quotes and invoices as people read them: terminal, CSV, JSON, PDF; in French and English."""
