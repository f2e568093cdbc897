"""Parts of the benchmark of information: tasks, tables, costs."""
