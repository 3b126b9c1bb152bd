// Draws the plot of the leaderboard, score against cost, and sorts its table.
(() => {
  "use strict";
  const HEIGHT = 300;
  const host = document.querySelector("[data-board]");
  if (!host) return;
  const values = JSON.parse(host.querySelector("[data-values]").textContent);
  const drawn = [];

  const computed = (name) => {
    const probe = document.createElement("i");
    probe.className = `probe ${name}`;
    document.body.append(probe);
    const value = getComputedStyle(probe).color;
    probe.remove();
    return value;
  };

  // Points labelled with agent names; overlapping labels are moved apart.
  const named = (points) => ({
    hooks: {
      draw: (plot) => {
        const { ctx, bbox } = plot;
        const ratio = devicePixelRatio;
        ctx.save();
        ctx.font = `${12 * ratio}px system-ui, sans-serif`;
        ctx.textBaseline = "middle";
        ctx.textAlign = "left";
        const taken = [];
        for (const { x, y, text, colour, size } of points) {
          const left = plot.valToPos(x, "x", true);
          const top = plot.valToPos(y, "y", true);
          ctx.fillStyle = colour;
          ctx.beginPath();
          ctx.arc(left, top, size * ratio, 0, 2 * Math.PI);
          ctx.fill();
          if (!text) continue;
          const width = ctx.measureText(text).width;
          const isRight = left + width + 16 * ratio > bbox.left + bbox.width;
          const at = isRight ? left - width - 9 * ratio : left + 9 * ratio;
          let line = top;
          while (taken.some((each) => Math.abs(each.line - line) < 14 * ratio && each.at < at + width && at < each.at + each.width)) line += 14 * ratio;
          taken.push({ at, width, line });
          ctx.fillText(text, at, line);
        }
        ctx.restore();
      },
    },
  });

  const axes = (label) => {
    const axis = { stroke: computed("c-muted"), grid: { stroke: computed("c-line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    return [{ ...axis, size: 30, values: (_, splits) => splits.map((each) => (each == null ? "" : String(Number(each.toPrecision(2))))), label, labelSize: 18, labelFont: "12px system-ui, sans-serif" }, { ...axis, size: 46 }];
  };

  const plot = (place, scales, label, data, series, points) => {
    place.replaceChildren();
    const options = { width: place.clientWidth, height: HEIGHT, scales, axes: axes(label), legend: { show: false }, cursor: { show: false }, series, plugins: [named(points)] };
    drawn.push([new uPlot(options, data, place), place]);
  };

  const costs = (place) => {
    const points = values.costs.map((each) => ({ x: each.x, y: each.y, size: each.on_frontier ? 5 : 4, colour: computed(each.on_frontier ? "c-train" : "c-muted"), text: each.agent }));
    const frontier = values.costs.filter((each) => each.on_frontier).sort((a, b) => a.x - b.x);
    const all = values.costs.map((each) => each.x);
    const [least, most] = [Math.min(...all), Math.max(...all) || 1];
    // Costs differ by orders of magnitude; zero has no logarithm.
    const isWide = least > 0 && most / least > 10;
    const x = isWide ? { time: false, distr: 3, range: [least / 2, most * 3] } : { time: false, range: [0, most * 1.3] };
    const scales = { x, y: { range: [0, 1] } };
    plot(place, scales, "cost of an attempt, $", [frontier.map((each) => each.x), frontier.map((each) => each.y)], [{}, { stroke: computed("c-train"), width: 1.5, points: { show: false } }], points);
  };

  const drawAll = () => {
    for (const [each] of drawn.splice(0)) each.destroy();
    const places = { costs };
    host.querySelectorAll("[data-chart]").forEach((place) => places[place.dataset.chart](place));
  };
  addEventListener("resize", () => drawn.forEach(([each, place]) => each.setSize({ width: place.clientWidth, height: HEIGHT })));
  addEventListener("themechange", drawAll);
  drawAll();
})();

(() => {
  "use strict";
  const table = document.querySelector("[data-sortable]");
  if (!table) return;
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];

  // Numbers by size and text by alphabet; what is missing comes last either way.
  const compare = (column, sign) => (one, other) => {
    const [a, b] = [one, other].map((row) => row.cells[column].dataset.value);
    if (a === "" || b === "") return (a === "") - (b === "");
    const isText = Number.isNaN(Number(a)) || Number.isNaN(Number(b));
    return sign * (isText ? a.localeCompare(b) : Number(a) - Number(b));
  };

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    // Ranks and names rise at first, figures fall.
    const first = column < 2 ? "ascending" : "descending";
    button.addEventListener("click", () => {
      const now = head.getAttribute("aria-sort");
      const next = now === null ? first : now === "ascending" ? "descending" : "ascending";
      heads.forEach((each) => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", next);
      body.append(...[...body.rows].sort(compare(column, next === "ascending" ? 1 : -1)));
    });
  });
})();
