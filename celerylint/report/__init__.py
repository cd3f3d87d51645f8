"""What a report looks like: one file for each format, whose `render` takes a report and a style and returns text."""
