"""What stands at the two ends of a model beside the embedding and the unembedding."""
