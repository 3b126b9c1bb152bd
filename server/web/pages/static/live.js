// Subscribes to the feed of events. Each event has a position; after a lost connection the browser requests the events after it.
(() => {
  "use strict";
  const page = document.querySelector("[data-live]");
  const flights = page.querySelector("[data-flights]");
  const ended = page.querySelector("[data-ended]");
  const counter = page.querySelector("[data-count]");
  const link = page.querySelector("[data-link]");
  const prototypeCard = page.querySelector("template[data-flight]");
  const most = Number(page.dataset.most);
  const ENDED_SHOWN = 12;
  // Paths begin at the root of the site, links at the page.
  const linkTo = (entry) => document.documentElement.dataset.root + entry.path.slice(1);
  let position = Number(page.dataset.position);
  let running = Number(counter.textContent.replace(/\D/g, ""));

  const count = (change) => {
    running = Math.max(0, running + change);
    counter.textContent = String(running);
  };

  const cardOf = (entry) => {
    const known = flights.querySelector(`[data-number="${entry.number}"]`);
    if (known || entry.kind !== "reset") return known;
    const card = prototypeCard.content.firstElementChild.cloneNode(true);
    card.dataset.number = entry.number;
    card.dataset.step = "-1";
    card.querySelector("a").href = linkTo(entry);
    card.querySelector("[data-number-words]").textContent = entry.number;
    const task = card.querySelector("[data-task]");
    task.textContent = entry.task;
    task.className = `task ${entry.task}`;
    card.querySelector("[data-agent]").textContent = entry.agent ?? "no name";
    card.querySelector("[data-most]").textContent = entry.max_steps;
    flights.prepend(card);
    count(1);
    while (flights.children.length > most) flights.lastElementChild.remove();
    return card;
  };

  const apply = (entry) => {
    const card = cardOf(entry);
    if (card && entry.step <= Number(card.dataset.step)) return; // the page shows it already
    if (card) {
      card.dataset.step = entry.step;
      card.querySelector("[data-latest]").textContent = entry.title;
      if (entry.kind !== "reset" && entry.kind !== "expire") {
        const mark = document.createElement("i");
        mark.className = entry.kind;
        card.querySelector("[data-strip]").append(mark);
        card.querySelector("[data-steps]").textContent = entry.step;
      }
    }
    if (entry.ended) end(entry, card);
    page.querySelector("[data-empty]").hidden = flights.children.length > 0;
  };

  const end = (entry, card) => {
    if (ended.querySelector(`a[href="${linkTo(entry)}"]`)) return;
    card?.remove();
    count(-1);
    const row = ended.insertRow(0);
    const name = document.createElement("th");
    name.scope = "row";
    const anchor = document.createElement("a");
    anchor.href = linkTo(entry);
    const id = decodeURIComponent(entry.path.split("/").pop());
    // As the server cuts names; a name that another row shows stays whole.
    const short = id.length > 24 ? `${id.slice(0, 8)}…${id.slice(-12)}` : id;
    const isTaken = [...ended.querySelectorAll("th a")].some((each) => each.textContent === short);
    anchor.textContent = isTaken ? id : short;
    anchor.title = id;
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
    const isDiagnosed = entry.kind === "submit";
    const verdict = entry.passed ? "passed" : "failed";
    cell("of-task", entry.task, `task ${entry.task}`);
    cell("agent", entry.agent ?? "–");
    cell("of-status", isDiagnosed ? `${entry.passed ? "✓" : "✗"} ${verdict}` : entry.title.replace(/^Closed: /, ""), `status ${isDiagnosed ? verdict : "steps"}`);
    cell("of-score", entry.score === null ? "–" : entry.score.toFixed(2));
    while (ended.rows.length > ENDED_SHOWN) ended.deleteRow(-1);
  };

  const connect = () => {
    const feed = new EventSource(`${document.documentElement.dataset.root}live/feed?after=${position}`);
    feed.addEventListener("open", () => {
      link.textContent = "connected";
      link.className = "link on";
    });
    feed.addEventListener("told", (event) => {
      position = Math.max(position, Number(event.lastEventId));
      apply(JSON.parse(event.data));
    });
    feed.addEventListener("error", () => {
      link.textContent = "reconnecting, nothing is lost";
      link.className = "link off";
      // After an error page of a proxy the browser does not reconnect by itself: reconnect at the current position.
      if (feed.readyState === EventSource.CLOSED) setTimeout(connect, 2000);
    });
  };
  connect();
})();
