"""One thread per worker, and seeds for the devices that there are."""

import torch

torch.set_num_threads(1)  # tests run side by side, and small products gain nothing from more

if not torch.accelerator.is_available():
    # Each seed would be kept for every kind of device, with a traceback in words, in case one appears.
    for device in (torch.cuda, torch.xpu, torch.mtia):
        device.manual_seed_all = lambda seed: None
