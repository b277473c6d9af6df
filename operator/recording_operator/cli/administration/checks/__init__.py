"""The checks of `check`: each looks at one thing and says in words what it has found."""
