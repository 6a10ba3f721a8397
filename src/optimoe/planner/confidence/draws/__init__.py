"""Designs under draws of what is not known, each compared with the choice: a law, prices, demand."""
