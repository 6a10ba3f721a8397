"""One thread per worker: tests run side by side, and small products gain nothing from more."""

import torch

torch.set_num_threads(1)
