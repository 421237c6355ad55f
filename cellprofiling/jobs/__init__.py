"""Many plates, one after the other or on many machines: each a job that can be stopped, repeated and moved."""
