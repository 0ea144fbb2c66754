"""What a person who asked is told, as a document."""
