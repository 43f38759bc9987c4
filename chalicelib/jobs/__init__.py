"""What a job is: its records, its rules, its limits and its errors. Pure: no clock, no I/O."""
