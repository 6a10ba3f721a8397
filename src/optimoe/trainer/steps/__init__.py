"""One optimiser step: its optimiser, its learning rate, its micro-batches."""
