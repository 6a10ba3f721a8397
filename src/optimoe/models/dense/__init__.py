"""What every layer is made of: matrix products, linear layers and norms."""
