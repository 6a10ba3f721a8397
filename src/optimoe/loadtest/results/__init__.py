"""What was measured: one request, one level of load, files of both."""
