"""What a fitted law and its runs answer: optima at a budget, a curve beside the law, which runs to do next."""
