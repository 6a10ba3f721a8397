"""What a named model computes, held against what a configuration provides."""
