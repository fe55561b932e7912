pytest_plugins = ["pipecat_daily_rest.testing"]
