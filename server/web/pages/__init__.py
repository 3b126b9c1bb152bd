"""The pages: what people look at. Reads the log and the read models; appends only through ``server.episodes.service``."""
