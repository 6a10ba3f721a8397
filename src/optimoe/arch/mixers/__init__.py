"""Token mixers, one file each: what a mixer stores, computes, caches and splits stands with its fields."""
