"""Groups of options that commands share: requests, engine, hardware, prices, training, designs."""
