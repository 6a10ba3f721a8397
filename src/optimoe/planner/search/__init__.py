"""The search: which designs are looked at, what is priced of them and in which order, and what is then settled."""
