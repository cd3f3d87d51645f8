"""What is written in one file: facts that hold no syntax tree and mean nothing yet."""
