"use strict";

// Shows the document of this server; asks no other host for anything.
const follow = () => document.documentElement.classList.toggle("dark-mode", document.documentElement.dataset.theme === "dark");
addEventListener("themechange", follow);
follow();
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#document",
  deepLinking: true,
  validatorUrl: null,
  tryItOutEnabled: true,
  defaultModelsExpandDepth: 0,
});
