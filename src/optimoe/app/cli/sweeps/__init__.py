"""Commands about sweeps: many runs, their store, and what is better."""
