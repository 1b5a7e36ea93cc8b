"""The methods of the control protocol, one room for each part of the api. Standard library alone."""
