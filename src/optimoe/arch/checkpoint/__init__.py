"""What the files of a checkpoint hold by their headers alone, beside what its configuration says."""
