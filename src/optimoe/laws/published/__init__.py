"""Numbers that papers on laws print, beside those of the library: claims, and what computes them."""
