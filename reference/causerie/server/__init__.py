"""The reference servers: two shells over one core. `threaded_engine` and `asyncio_engine` are the same server twice."""
