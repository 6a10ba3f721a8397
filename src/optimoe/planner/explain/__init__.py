"""Why the numbers of a plan are what they are: its chain of numbers, and its reasons in words."""
