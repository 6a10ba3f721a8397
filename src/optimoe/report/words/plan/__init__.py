"""A plan in labelled lines: what is asked, the answer, what stands beside it and how sure it is."""
