"""Who says what: sources, how far they are believed, what is admitted and what is held back."""
