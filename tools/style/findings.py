"""What the checks of files here have in common."""


def report(problems, files):
    """Prints the lines that problems(file) yields for each of the files; the exit code."""
    found = [problem for file in files for problem in problems(file)]
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0
