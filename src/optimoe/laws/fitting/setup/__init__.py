"""What is fitted: options, the model on its runs, what is minimised, what the runs cannot tell."""
