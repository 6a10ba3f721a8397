"""Time, memory and cost of training: kernels forward and backward, exchange, pipeline, optimizer states.

Nothing here knows a loss. Sources of the method: Narayanan 2021 (arXiv 2104.04473), Korthikanti 2022
(arXiv 2205.05198), Rajbhandari 2020 (ZeRO, arXiv 1910.02054).
"""
