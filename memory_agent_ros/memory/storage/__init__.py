"""What lies in the file or the database, and what is kept in memory of it."""
