"""Systems of requests: a closed one and its ranks that wait for each other, and runs that end."""
