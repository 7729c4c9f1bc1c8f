"""Indexes of objects and the queries answered from them."""
