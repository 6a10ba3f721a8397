"""``python -m optimoe``, as ``torchrun -m optimoe`` starts it."""

from optimoe.app.main import main

if __name__ == "__main__":
    main()
