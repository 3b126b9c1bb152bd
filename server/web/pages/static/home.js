// Keeps the counters of the front page up to date.
(() => {
  "use strict";
  const host = document.querySelector("[data-counters]");
  const places = Object.fromEntries([...host.querySelectorAll("[data-count]")].map((each) => [each.dataset.count, each]));
  const counts = Object.fromEntries(Object.entries(places).map(([name, place]) => [name, Number(place.textContent.replace(/\D/g, ""))]));
  const show = () => {
    for (const [name, place] of Object.entries(places)) place.textContent = String(counts[name]).replace(/\B(?=(\d{3})+$)/g, "\u202f");
  };
  const connect = () => {
    const feed = new EventSource(`${document.documentElement.dataset.root}live/feed?after=${counts.position}`);
    feed.addEventListener("told", (event) => {
      const entry = JSON.parse(event.data);
      counts.position = Number(event.lastEventId);
      if (entry.kind === "reset") counts.running += 1;
      if (entry.ended) {
        counts.running = Math.max(0, counts.running - 1);
        counts.ended += 1;
      }
      show();
    });
    feed.addEventListener("error", () => {
      if (feed.readyState === EventSource.CLOSED) setTimeout(connect, 5000);
    });
  };
  connect();
})();
