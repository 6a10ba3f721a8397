"""The cost models of published texts, by name, as their authors state them."""
