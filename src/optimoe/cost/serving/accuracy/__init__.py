"""How far an estimate can be off: what was measured of its kind, what never was, and the band that follows."""
