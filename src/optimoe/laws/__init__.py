"""Loss from size, data and sparsity: published laws with their evidence, and the laws of users."""
