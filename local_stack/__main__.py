"""`python -m local_stack`, which `longcall serve` runs."""

from local_stack.command import main

if __name__ == "__main__":
    main()
