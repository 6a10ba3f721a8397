"""Field tables of recurrent mixers, and rules by which layers are recurrent."""
