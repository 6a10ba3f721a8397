"""Printed answers to planning questions beside the planner's."""
