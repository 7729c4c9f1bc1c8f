"""Which crops show the same object: crops under drift of light and detector, and how well an embedding tells."""
