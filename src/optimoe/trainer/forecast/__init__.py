"""What runs take of this machine, its memory and its hours, before the first step of the first."""
