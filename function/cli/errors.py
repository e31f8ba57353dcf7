"""What a command raises when it cannot use a file."""


class InputFileError(Exception):
    """A file on the command line cannot be used. Its text is one line.

    CommandGroup prints it and exits with status 2.

    Attributes:
        file: The name of the file, as the user typed it; empty if unknown.
        problem: What is wrong, in words for the user.
        line: The line of the problem, counted from 1.
    """

    def __init__(self, file: str, problem: str, line: int = 1) -> None:
        """Create the error; see the attributes of the class."""
        self.file, self.problem, self.line = file, problem, line
        super().__init__(f"{file}: {problem}" if file else problem)
