// Steps through an episode without reloading the page; each step keeps its own URL.
(() => {
  "use strict";
  const start = () => {
    const episode = document.querySelector("[data-episode]");
    const last = Number(episode.dataset.last);
    const scrub = episode.querySelector("[data-scrub]");
    let step = Number(scrub.value);

    const show = (wanted) => {
      step = Math.min(Math.max(wanted, 0), last);
      scrub.value = step;
      episode.querySelectorAll("[data-place]").forEach((each) => (each.textContent = step));
      episode.querySelectorAll("[data-panel]").forEach((each) => (each.hidden = Number(each.dataset.panel) !== step));
      episode.querySelectorAll(".timeline [data-step]").forEach((each) => {
        const at = Number(each.dataset.step);
        each.classList.toggle("later", at > step);
        if (at === step) {
          each.setAttribute("aria-current", "step");
          const list = each.closest(".timeline");
          const row = each.parentElement;
          if (row.offsetTop < list.scrollTop || row.offsetTop + row.offsetHeight > list.scrollTop + list.clientHeight) {
            list.scrollTop = row.offsetTop - list.clientHeight / 2;
          }
        } else {
          each.removeAttribute("aria-current");
        }
      });
      episode.querySelectorAll("[data-artifact]").forEach(showArtifact);
      episode.querySelectorAll("[data-view]").forEach((each) => {
        each.classList.toggle("unseen", each.dataset.seen === undefined || Number(each.dataset.seen) > step);
      });
      episode.querySelectorAll("[data-go]").forEach((each) => {
        each.href = `?step=${Math.min(Math.max(step + (each.dataset.go === "back" ? -1 : 1), 0), last)}`;
      });
      history.replaceState(null, "", `?step=${step}${location.hash}`);
      document.title = document.title.replace(/ · step \d+ · /, ` · step ${step} · `);
    };

    const showArtifact = (artifact) => {
      let seen = 0;
      for (const line of artifact.querySelectorAll("li[value]")) {
        const isSeen = line.dataset.seen !== undefined && Number(line.dataset.seen) <= step;
        line.classList.toggle("unseen", !isSeen);
        seen += isSeen;
      }
      const all = Number(artifact.dataset.lines);
      const words = artifact.querySelector("[data-seen-words]");
      const blocks = (artifact.dataset.blocks || "").split(" ").filter((at) => at && Number(at) <= step).length;
      const read = seen === 0 ? "unread" : seen === all ? "read" : `${seen} of ${all} lines`;
      const queried = `${blocks} ${blocks === 1 ? "block" : "blocks"} queried`;
      words.textContent = !blocks ? read : seen ? `${read}, ${queried}` : queried;
      words.className = `seen ${seen === 0 && !blocks ? "none" : seen === all ? "whole" : "part"}`;
    };

    // A faulty line far down in its artifact is scrolled to inside of it.
    const reveal = (artifact) => {
      const line = artifact.open && artifact.querySelector("li.faulty");
      if (!line) return;
      const code = line.closest(".code");
      code.scrollTop += line.getBoundingClientRect().top - code.getBoundingClientRect().top - code.clientHeight / 3;
    };
    episode.querySelectorAll("[data-artifact]").forEach((each) => {
      reveal(each);
      each.addEventListener("toggle", () => reveal(each));
    });
    scrub.hidden = false;
    episode.querySelector("[data-keys]").hidden = false;
    scrub.addEventListener("input", () => show(Number(scrub.value)));
    episode.addEventListener("click", (event) => {
      const to = event.target.closest("[data-step], [data-go]");
      if (!to || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      show(to.dataset.step !== undefined ? Number(to.dataset.step) : step + (to.dataset.go === "back" ? -1 : 1));
      // A link in a table below names a step whose panel is above.
      if (!to.closest(".replay")) episode.querySelector(".replay").scrollIntoView();
    });
    current = { show, at: () => step, last };
  };

  let current = null;
  start();

  const KEYS = { ArrowLeft: () => current.at() - 1, ArrowRight: () => current.at() + 1, Home: () => 0, End: () => current.last };
  addEventListener("keydown", (event) => {
    const to = KEYS[event.key];
    if (!to || event.ctrlKey || event.metaKey || event.altKey) return;
    // Elements that scroll or take input handle the keys themselves.
    if (event.target.matches("input:not([type=range]), select, textarea, .code, .scroll")) return;
    event.preventDefault();
    current.show(to());
  });

  // A running episode: each new step reloads the content of the page; a viewer at the newest step stays there.
  const running = document.querySelector("[data-running=yes]");
  if (running) {
    const feed = new EventSource(`${document.documentElement.dataset.root}live/feed?after=${running.dataset.position}&episode=${encodeURIComponent(running.dataset.episode)}`);
    feed.addEventListener("told", async (event) => {
      const isOver = JSON.parse(event.data).ended;
      const wasLast = current.at() === current.last;
      const path = wasLast ? location.pathname : `${location.pathname}?step=${current.at()}`;
      const answer = await fetch(path);
      if (!answer.ok) return;
      if (isOver) {
        feed.close();
        location.assign(answer.url);
        return;
      }
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      document.querySelector("main").replaceChildren(...fresh.querySelector("main").childNodes);
      start();
      dispatchEvent(new Event("contentchange"));
    });
  }
})();
