"""The requests of ``optimoe laws``: tables of runs, fits, evaluations and comparisons."""
