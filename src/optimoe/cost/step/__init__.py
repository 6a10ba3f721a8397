"""One step of a deployment: seconds by cause, what GPUs send each other, what each holds."""
