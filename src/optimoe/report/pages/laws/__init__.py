"""Pages of laws and runs: of a fit, and of laws held against runs that they have not seen."""
