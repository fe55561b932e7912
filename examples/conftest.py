collect_ignore = ["testing_a_bot"]  # a project of its own: run pytest in its folder
