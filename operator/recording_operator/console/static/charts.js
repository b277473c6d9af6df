// Draws each figure.chart from its own table: the table is the data, and is what a screen reader reads.
"use strict";

(() => {
  // The variable itself has the colours of both themes; a property has the one that is shown.
  function colour(name) {
    document.body.style.outlineColor = `var(${name})`;
    return getComputedStyle(document.body).outlineColor;
  }

  const number = (text) => (text === undefined || text === "" ? null : Number(text));

  function read(figure) {
    const table = figure.querySelector("table");
    const rows = [...table.tBodies[0].rows].filter((row) => row.dataset.x !== undefined);
    const heads = [...table.tHead.rows[0].cells].filter((_, index) => rows[0]?.cells[index].dataset.y !== undefined);
    return {
      names: heads.map((head) => head.dataset.name || head.textContent.trim()),
      x: rows.map((row) => Number(row.dataset.x)),
      labels: rows.map((row) => row.cells[0].textContent.trim()),
      y: heads.map((_, index) => rows.map((row) => number(row.cells[index + 1].dataset.y))),
      shown: heads.map((_, index) => rows.map((row) => row.cells[index + 1].textContent.trim())),
    };
  }

  // A stack is drawn from its top to its bottom: each series is the sum of itself and those below.
  function stacked(y) {
    const sums = [];
    y.forEach((values, index) => {
      sums.push(values.map((value, at) => (value ?? 0) + (index ? sums[index - 1][at] : 0)));
    });
    return sums;
  }

  function draw(figure) {
    const plot = figure.querySelector(".plot");
    const data = read(figure);
    if (data.x.length < 2) {
      plot.hidden = true;
      figure.querySelector("details").open = true;
      return;
    }
    const bars = figure.dataset.chart === "stacked";
    const order = data.names.map((_, index) => index);
    if (bars) order.reverse();
    const y = bars ? stacked(data.y) : data.y;
    const readout = figure.querySelector(".readout");
    figure.resting ??= [...readout.childNodes];
    readout.replaceChildren(...figure.resting);
    const axis = {
      stroke: colour("--muted"),
      font: `12px ${getComputedStyle(document.body).fontFamily}`,
      grid: { stroke: colour("--line"), width: 1 },
      ticks: { show: false },
    };
    const step = data.x[1] - data.x[0];
    const day = (seconds) => uPlot.fmtDate("{D} {MMM}")(uPlot.tzDate(new Date(seconds * 1e3), "UTC"));
    const short = (value) =>
      value === 0 ? "0" : Intl.NumberFormat("en", { notation: value >= 10000 ? "compact" : "standard", maximumSignificantDigits: 4 }).format(value);
    const options = {
      width: plot.clientWidth,
      height: plot.clientHeight,
      legend: { show: false },
      padding: [10, 18, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { show: !bars } },
      scales: { x: { range: (_, first, last) => (bars ? [first - step / 2, last + step / 2] : [first, last]) }, y: { range: (_, least, most) => [Math.min(0, least), (most || 1) * 1.06] } },
      axes: [
        { ...axis, grid: { show: false }, size: 30, space: 64, values: (_, ticks) => ticks.map(day) },
        { ...axis, size: 48, values: (_, ticks) => ticks.map(short) },
      ],
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), "UTC"),
      series: [
        {},
        ...order.map((index) => ({
          label: data.names[index],
          stroke: bars ? undefined : colour(`--series-${index + 1}`),
          width: bars ? 0 : 2,
          fill: bars ? colour(`--series-${index + 1}`) : colour("--accent-soft"),
          paths: bars ? uPlot.paths.bars({ size: [0.72, 28], gap: 1 }) : undefined,
          points: { show: false },
          spanGaps: true,
        })),
      ],
      hooks: {
        setCursor: [
          (chart) => {
            const at = chart.cursor.idx;
            if (at === null || at === undefined) {
              readout.replaceChildren(...figure.resting);
              return;
            }
            const when = document.createElement("b");
            when.textContent = data.labels[at];
            const parts = data.names.map((name, index) => {
              const part = document.createElement("span");
              part.className = `key s${index + 1}`;
              const value = document.createElement("b");
              value.textContent = data.shown[index][at];
              part.append(document.createElement("i"), `${name} `, value);
              return part;
            });
            readout.replaceChildren(when, ...parts);
          },
        ],
      },
    };
    figure.chart?.destroy();
    figure.chart = new uPlot(options, [data.x, ...order.map((index) => y[index])], plot);
  }

  const figures = [...document.querySelectorAll("figure.chart")];
  const drawAll = () => figures.forEach(draw);
  document.addEventListener("theme", drawAll);
  const resized = new ResizeObserver((entries) => {
    for (const entry of entries) {
      const figure = entry.target.closest("figure");
      figure.chart?.setSize({ width: entry.target.clientWidth, height: entry.target.clientHeight });
    }
  });
  drawAll();
  figures.forEach((figure) => resized.observe(figure.querySelector(".plot")));
})();
