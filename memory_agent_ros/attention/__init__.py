"""Attention of language models over long streams: a cache of constant size, a dialogue on it, and monitors."""
