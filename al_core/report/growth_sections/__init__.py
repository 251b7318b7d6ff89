"""The sections of a growth's report, a file each: from the overview of a growth to a section, None without data."""
