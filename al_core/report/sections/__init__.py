"""The sections of a study's report, a file each: from the overview of a study to a section, None without data."""
