"""What a plan hands to a training: the winner, and smaller runs before it."""
