"""The command line of each verb: options, help, examples. It imports nothing large; another module does the work."""
