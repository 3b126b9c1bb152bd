// Light or dark theme: the choice stored in this browser, else that of the system. Runs before the first paint.
(() => {
  "use strict";
  const root = document.documentElement;
  const stored = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // storage may be forbidden
    }
  };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const chosen = stored();
    root.dataset.theme = chosen === "light" || chosen === "dark" ? chosen : dark.matches ? "dark" : "light";
    dispatchEvent(new Event("themechange"));
  };
  apply();
  dark.addEventListener("change", apply);
  addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector("[data-theme-toggle]");
    button.hidden = false;
    button.addEventListener("click", () => {
      try {
        localStorage.setItem("theme", root.dataset.theme === "dark" ? "light" : "dark");
      } catch {
        root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
        return;
      }
      apply();
    });
  });
})();
