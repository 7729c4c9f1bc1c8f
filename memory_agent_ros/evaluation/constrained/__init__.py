"""What constrained decoding costs, arm by arm, and whether what it writes is valid."""
