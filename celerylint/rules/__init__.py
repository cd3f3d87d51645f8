"""One file for each rule, in a folder for each family; found by scan."""
