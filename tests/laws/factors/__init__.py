"""Tests of the published effects on a design."""
