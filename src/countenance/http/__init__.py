"""The HTTP door: parse, ask who it is, call one engine method, render. Nothing is decided here.

``application.create`` puts the parts together; ``routes`` has one module for each resource of ``/v1``;
``compat`` speaks the contracts of other products. What every request passes on its way in stands in
``admission``, ``bodies``, ``asker`` and ``once``; what every answer passes on its way out in ``problems`` and
``observing``.
"""
