"""MoE layers and the decoder in PyTorch."""
