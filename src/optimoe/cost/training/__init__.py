"""Time, memory and cost of training: kernels forward and backward, exchange, pipeline, optimizer states.

Nothing here knows a loss. Sources of the method: Narayanan 2021 (arXiv 2104.04473), Korthikanti 2022
(arXiv 2205.05198), Rajbhandari 2020 (ZeRO, arXiv 1910.02054).
"""

USUAL_BATCH_TOKENS, USUAL_SEQ_LEN = 4_194_304, 4096
"""Tokens of a step and of a sequence where nothing is stated (assumed); here, where nothing is loaded."""
