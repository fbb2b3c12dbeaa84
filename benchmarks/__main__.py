"""`python -m benchmarks` lists the benchmarks; see `benchmarks.frame.command`."""

from benchmarks.frame.command import main

if __name__ == "__main__":
    main()
