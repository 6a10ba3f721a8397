"""Results for people: lines, tables, figures and pages."""
