"""From files to raw rows: archives, csv, JSON values and lists."""
