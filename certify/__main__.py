import sys

from certify.command import main

if __name__ == "__main__":
    sys.exit(main())
