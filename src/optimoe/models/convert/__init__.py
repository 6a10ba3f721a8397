"""Models into other models: Hugging Face's, upcycled ones, grown ones."""
