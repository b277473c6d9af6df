"""Style sheets and scripts of the pages. vendored/ has released files of others, with their licences."""
