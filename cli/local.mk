# command-line programs
