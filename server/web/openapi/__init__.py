"""The OpenAPI document of the API and the page that shows it.

- ``operations``: one row for each operation (``OPERATIONS``); ``response_models`` and ``examples`` of them
- ``document``: assembles the document (``openapi_document``)
- ``handlers``: ``/openapi.json``, ``/docs`` and its files
"""
