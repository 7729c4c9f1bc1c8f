"""Which of the known classes a crop shows: a small head that learns, and that unlearns a class."""
