"""`python -m local_stack`, which `longcall serve` executes."""

from local_stack.command import main

if __name__ == "__main__":
    main()
