"""What a run begins with, and its stages: data, steps and the model of each."""
