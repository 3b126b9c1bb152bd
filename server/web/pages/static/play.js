// Keeps what was typed into the forms of diagnosis and experiment while other actions load the page again.
(() => {
  "use strict";
  // In the frame of another site a browser may forbid storage: then drafts last as long as the page.
  const forPage = () => {
    const kept = new Map();
    return { getItem: (key) => kept.get(key), setItem: (key, text) => kept.set(key, text), removeItem: (key) => kept.delete(key) };
  };
  const storage = (() => {
    try {
      return window.sessionStorage;
    } catch {
      return forPage();
    }
  })();
  const bench = document.querySelector("[data-draft]");
  const PREFIX = "mlops-debug draft ";
  const key = bench && PREFIX + bench.dataset.draft;
  // A draft belongs to one episode: those of episodes that are over, or that were left, are dropped.
  for (const each of Object.keys(storage)) {
    if (each.startsWith(PREFIX) && each !== key) storage.removeItem(each);
  }
  if (!bench) return;

  const fields = [...bench.querySelectorAll("form[data-kept] :is(input:not([type=hidden]), select, textarea)")];
  const nameOf = (field) => `${field.form.getAttribute("aria-label")}/${field.name}`;
  const note = bench.querySelector("[data-draft-note]");

  const save = () => {
    const typed = fields.filter((field) => field.value !== initial.get(field)).map((field) => [nameOf(field), field.value]);
    note.hidden = typed.length === 0;
    if (typed.length) storage.setItem(key, JSON.stringify(typed));
    else storage.removeItem(key);
  };

  const blank = (field) => (field.tagName === "SELECT" ? field.options[0].value : "");
  const initial = new Map(fields.map((field) => [field, blank(field)]));
  const draft = new Map(JSON.parse(storage.getItem(key) ?? "[]"));
  for (const field of fields) {
    const kept = draft.get(nameOf(field));
    // What the server gives back of a form that it refused is newer.
    if (kept === undefined || field.value !== initial.get(field)) continue;
    field.value = kept;
  }
  for (const each of bench.querySelectorAll("details.edits")) {
    each.open ||= [...each.querySelectorAll("textarea")].some((field) => field.value !== "");
  }
  save();
  bench.addEventListener("input", save);
})();
