"""Finding what a question needs: ranks fused over the memory's indexes, reranked, written as facts within a budget."""
