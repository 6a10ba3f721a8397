"""This machine as an accelerator: how fast it copies, multiplies, and takes the steps of small models."""
