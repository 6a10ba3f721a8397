"""Which tokens a step trains on: a function of the step alone, whoever asks and however often."""
