"""The contracts of other products, mounted under ``/compat``, on a gallery that asks first."""
