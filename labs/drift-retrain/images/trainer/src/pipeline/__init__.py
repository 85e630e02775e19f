"""The pipeline that closes the loop: measure drift, be told of it, train, decide, promote."""
