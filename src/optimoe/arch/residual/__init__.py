"""What the residual of a layer is where it is more than one stream that parts add to."""
