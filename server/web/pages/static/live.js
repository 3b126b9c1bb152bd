// Follows the feed of events. Every event names its position; after a lost connection the browser asks for what followed.
(() => {
  "use strict";
  const page = document.querySelector("[data-live]");
  const flights = page.querySelector("[data-flights]");
  const ended = page.querySelector("[data-ended]");
  const counter = page.querySelector("[data-count]");
  const link = page.querySelector("[data-link]");
  const mould = page.querySelector("template[data-flight]");
  const most = Number(page.dataset.most);
  const ENDED_SHOWN = 12;
  let position = Number(page.dataset.position);
  let running = Number(counter.textContent.replace(/\D/g, ""));

  const count = (change) => {
    running = Math.max(0, running + change);
    counter.textContent = String(running);
  };

  const cardOf = (told) => {
    const known = flights.querySelector(`[data-number="${told.number}"]`);
    if (known || told.kind !== "reset") return known;
    const card = mould.content.firstElementChild.cloneNode(true);
    card.dataset.number = told.number;
    card.dataset.step = "-1";
    card.querySelector("a").href = told.path;
    card.querySelector("[data-number-words]").textContent = told.number;
    const task = card.querySelector("[data-task]");
    task.textContent = told.task;
    task.className = `task ${told.task}`;
    card.querySelector("[data-agent]").textContent = told.agent ?? "no name";
    card.querySelector("[data-most]").textContent = told.max_steps;
    flights.prepend(card);
    count(1);
    while (flights.children.length > most) flights.lastElementChild.remove();
    return card;
  };

  const tell = (told) => {
    const card = cardOf(told);
    if (card && told.step <= Number(card.dataset.step)) return; // the page had it already
    if (card) {
      card.dataset.step = told.step;
      card.querySelector("[data-latest]").textContent = told.title;
      if (told.kind !== "reset" && told.kind !== "expire") {
        const mark = document.createElement("i");
        mark.className = told.kind;
        card.querySelector("[data-strip]").append(mark);
        card.querySelector("[data-steps]").textContent = told.step;
      }
    }
    if (told.ended) end(told, card);
    page.querySelector("[data-empty]").hidden = flights.children.length > 0;
  };

  const end = (told, card) => {
    if (ended.querySelector(`a[href="${told.path}"]`)) return;
    card?.remove();
    count(-1);
    const row = ended.insertRow(0);
    const name = document.createElement("th");
    name.scope = "row";
    const anchor = document.createElement("a");
    anchor.href = told.path;
    const id = decodeURIComponent(told.path.split("/").pop());
    anchor.textContent = id.length > 18 ? `${id.slice(0, 17)}…` : id;
    name.append(anchor);
    row.append(name);
    const cell = (placeName, text, kind) => {
      const place = row.insertCell();
      place.className = placeName;
      if (!kind) {
        place.textContent = text;
        return;
      }
      const mark = document.createElement("span");
      mark.className = kind;
      mark.textContent = text;
      place.append(mark);
    };
    const isDiagnosed = told.kind === "submit";
    cell("of-task", told.task, `task ${told.task}`);
    cell("agent", told.agent ?? "–");
    cell("of-status", isDiagnosed ? "diagnosed" : told.title.replace(/^Closed: /, ""), `status ${isDiagnosed ? "submitted" : "steps"}`);
    cell("of-score", told.score === null ? "–" : told.score.toFixed(2));
    while (ended.rows.length > ENDED_SHOWN) ended.deleteRow(-1);
  };

  const connect = () => {
    const feed = new EventSource(`/live/feed?after=${position}`);
    feed.addEventListener("open", () => {
      link.textContent = "connected";
      link.className = "link on";
    });
    feed.addEventListener("told", (event) => {
      position = Math.max(position, Number(event.lastEventId));
      tell(JSON.parse(event.data));
    });
    feed.addEventListener("error", () => {
      link.textContent = "reconnecting, nothing is lost";
      link.className = "link off";
      // A proxy's error page ends the browser's own attempts: begin again where we are.
      if (feed.readyState === EventSource.CLOSED) setTimeout(connect, 2000);
    });
  };
  connect();
})();
