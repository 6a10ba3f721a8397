"""Requests about sweeps: grids of runs, stores of what came of them, and variants that are compared."""
