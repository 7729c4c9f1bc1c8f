"""Is a class really out of a network? An audit of features and outputs, and networks that it is tried on."""
