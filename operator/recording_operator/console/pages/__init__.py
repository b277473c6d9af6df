"""The pages of the console: rendered on the server, one file for each page. Templates are in templates/."""
