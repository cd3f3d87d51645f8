"""What is written in files that say how a project is deployed: one file of this package for each format."""
