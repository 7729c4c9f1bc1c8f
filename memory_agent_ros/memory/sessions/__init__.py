"""One map after another: finding the place again, merging maps."""
