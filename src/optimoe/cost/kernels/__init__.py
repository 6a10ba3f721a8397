"""Seconds of one kernel on one GPU, from its shape: curves fitted to measured kernels, or measured tables.

Physics first, then a few fitted coefficients per family and architecture (``data/operators/``):

    t = launch + side traffic + smooth maximum of compute time and memory time

Both times are those of the data sheet over a share of at most 1, for shapes padded to what the hardware
handles. So no kernel is ever faster than the roofline of the data sheet.
"""
