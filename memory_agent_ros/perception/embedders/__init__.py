"""Image and text embedders, one a file."""
