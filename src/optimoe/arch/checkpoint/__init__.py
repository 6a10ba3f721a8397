"""What the files of a checkpoint say that they hold, by their headers alone, beside what its configuration says."""
