"""One run on several ranks: who they are, how they share weights, how tokens travel to experts on other ranks."""
