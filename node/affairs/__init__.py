"""What members and stewards of a federation ask for and do, between the api and the statements."""
