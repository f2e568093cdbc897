"""Parts of the benchmark against peers."""
