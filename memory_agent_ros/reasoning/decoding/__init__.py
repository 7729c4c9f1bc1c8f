"""Decoding under constraints: a language model can only write calls that exist, about things the memory holds now."""
