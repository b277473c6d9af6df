"""What people see: tables, colours, amounts and times in words, and the formats of `-o`."""
