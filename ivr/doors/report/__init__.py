"""A report for its readers: terminal, web page, JSON and CSV, in French and English."""
