"""Many runs at once: which are left, who does them, what they take, and which variant is better."""
