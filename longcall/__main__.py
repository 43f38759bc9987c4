import sys

from longcall.cli import main

if __name__ == "__main__":
    sys.exit(main())
