"""What works on the data, and can be made anew at any time."""
