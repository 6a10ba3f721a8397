"""What results can do where a person works: show themselves in a notebook, and become tables and figures."""
