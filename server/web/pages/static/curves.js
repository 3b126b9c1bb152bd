// Draws the training curves, with those of the healthy twin if the page has them.
(() => {
  "use strict";
  const HEIGHT = 190;
  const drawn = [];

  // A canvas does not accept light-dark(): let an element compute the colour.
  const computed = (name) => {
    const probe = document.createElement("i");
    probe.className = `probe ${name}`;
    document.body.append(probe);
    const value = getComputedStyle(probe).color;
    probe.remove();
    return value;
  };

  const draw = (host) => {
    const values = JSON.parse(host.querySelector("[data-values]").textContent);
    for (const place of host.querySelectorAll("[data-plot]")) {
      const kind = place.dataset.plot;
      const epochs = Math.max(values.run.epoch.length, values.twin ? values.twin.epoch.length : 0);
      const x = Array.from({ length: epochs }, (_, at) => at + 1);
      const padded = (of, name) => x.map((epoch) => {
        const at = of.epoch.indexOf(epoch);
        return at < 0 ? null : of[name][at];
      });
      const data = [x, padded(values.run, `train_${kind}`), padded(values.run, `val_${kind}`)];
      const line = (label, role, dash, width) => ({
        label, stroke: computed(role), width, dash, points: { show: epochs < 3 }, value: (_, v) => (v == null ? "–" : String(v)),
      });
      const series = [{ label: "epoch" }, line("train", "c-train", undefined, 2), line("val", "c-val", undefined, 2)];
      if (values.twin) {
        data.push(padded(values.twin, `train_${kind}`), padded(values.twin, `val_${kind}`));
        series.push(line("twin train", "c-train", [4, 4], 1.2), line("twin val", "c-val", [4, 4], 1.2));
      }
      const axis = { stroke: computed("c-muted"), grid: { stroke: computed("c-line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
      const options = {
        title: kind === "loss" ? "loss" : "accuracy",
        width: place.clientWidth,
        height: HEIGHT,
        scales: { x: { time: false } },
        axes: [{ ...axis, incrs: [1, 2, 5, 10, 20], size: 30 }, { ...axis, size: 46 }],
        legend: { show: false },
        cursor: { drag: { x: false, y: false } },
        series,
      };
      place.replaceChildren();
      drawn.push([new uPlot(options, data, place), place]);
    }
  };

  const drawAll = () => {
    for (const [plot] of drawn.splice(0)) plot.destroy();
    document.querySelectorAll("[data-curves]").forEach(draw);
  };

  addEventListener("resize", () => drawn.forEach(([plot, place]) => plot.setSize({ width: place.clientWidth, height: HEIGHT })));
  addEventListener("themechange", drawAll);
  addEventListener("contentchange", drawAll);
  drawAll();
})();
