"""Which thing a detection shows: frames aligned, pairs weighed, assigned."""
