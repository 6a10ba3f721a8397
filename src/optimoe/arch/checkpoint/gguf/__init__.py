"""What GGUF files hold, by their headers."""
