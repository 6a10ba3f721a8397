"""What is asked: goal, budget, traffic, data, and the designs to choose from."""
