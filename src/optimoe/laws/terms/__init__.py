"""What formulas are made of: saturation, optima of two powers, roots and minima, questions to a design."""
