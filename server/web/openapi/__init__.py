"""What the server says of its own routes: the OpenAPI document and a page that shows it."""
