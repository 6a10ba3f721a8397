"""Files that a plan or a deployment leaves: pages with figures, recipes, launch lines."""
