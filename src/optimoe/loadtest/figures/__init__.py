"""Timed requests of a level become its figures."""
