"""Imported by Python when moto_server starts (see Start in moto.go).

It spares moto what would take more than a third of its time in the local run.
https://docs.python.org/3/library/site.html#module-sitecustomize
"""

try:
    from moto import backends
    from werkzeug.serving import WSGIRequestHandler
except ImportError:
    pass  # this Python does not run moto
else:
    # For each request, moto lists the directories of its package to find the service.
    _modules = tuple(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: _modules

    # A line for each request, which nobody reads.
    WSGIRequestHandler.log_request = lambda self, *args, **kwargs: None
