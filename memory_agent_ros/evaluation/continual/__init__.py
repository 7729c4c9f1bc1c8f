"""A life in one apartment after the other: what adapters keep of each."""
