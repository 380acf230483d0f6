"use strict";
// Filters the findings by what is typed, picked or clicked, and makes the map larger. Without it the page is whole.
(() => {
  const get = (id) => document.getElementById(id);
  const rows = Array.from(document.querySelectorAll("tbody.finding"));
  const word = get("filter-word"), kind = get("filter-kind"), said = get("filter-said"), clear = get("filter-clear");
  const picked = { interface: null, from: null, until: null };

  const time = (second) => new Date(second * 1000).toISOString().replace(".000Z", "Z");

  const show = () => {
    const text = word.value.trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      const slot = row.dataset.slot === "" ? null : Number(row.dataset.slot);
      const inTime = picked.from === null || (slot !== null && slot >= picked.from && slot < picked.until);
      const fits = (kind.value === "" || row.dataset.kind === kind.value) &&
        (picked.interface === null || row.dataset.interface === picked.interface) && inTime &&
        (text === "" || row.textContent.toLowerCase().includes(text));
      row.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    const of = picked.interface === null ? "" : " of " + picked.interface;
    const when = picked.from === null ? "" : " from " + time(picked.from) + " to " + time(picked.until);
    said.textContent = shown + " of " + rows.length + " findings shown" + of + when + ".";
  };

  const pick = (name, from, until) => {
    Object.assign(picked, { interface: name, from, until });
    show();
    get("findings").scrollIntoView();
    said.focus();
  };

  if (word) {
    get("filter").hidden = false;
    word.addEventListener("input", show);
    kind.addEventListener("change", show);
    clear.addEventListener("click", () => {
      word.value = "";
      kind.value = "";
      Object.assign(picked, { interface: null, from: null, until: null });
      show();
    });
    for (const button of document.querySelectorAll("button[data-pick]")) {
      button.hidden = false;
      button.addEventListener("click", () => pick(button.dataset.pick, null, null));
    }
    for (const name of document.querySelectorAll("span[data-named]")) name.hidden = true;
    show();
  }

  const map = get("map");
  if (map && word) {
    const svg = map.querySelector("svg"), cursor = svg.querySelector(".cursor"), told = get("map-said");
    const of = (name) => Number(svg.dataset[name]);
    const [left, top, wide, high, step, start, columns] = ["left", "top", "wide", "high", "step", "start", "columns"].map(of);
    const names = Array.from(svg.querySelectorAll("text[data-name]"), (text) => text.dataset.name);
    let at = [0, 0];
    const go = (row, column) => {
      at = [Math.max(0, Math.min(names.length - 1, row)), Math.max(0, Math.min(columns - 1, column))];
      cursor.setAttribute("x", left + at[1] * wide);
      cursor.setAttribute("y", top + at[0] * high);
      told.textContent = names[at[0]] + ", " + time(start + at[1] * step);
    };
    const choose = () => {
      const from = start + at[1] * step;
      pick(names[at[0]], from, from + step);
    };
    svg.addEventListener("click", (event) => {
      const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      const row = Math.floor((point.y - top) / high), column = Math.floor((point.x - left) / wide);
      if (row < 0 || row >= names.length || column >= columns) return;
      if (column < 0) return pick(names[row], null, null);
      map.classList.add("on");
      go(row, column);
      choose();
    });
    map.addEventListener("keydown", (event) => {
      const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
      if (moves[event.key]) go(at[0] + moves[event.key][0], at[1] + moves[event.key][1]);
      else if (event.key === "Enter") choose();
      else return;
      event.preventDefault();
    });
    const natural = Number(svg.getAttribute("width"));
    const high_ = Number(svg.getAttribute("height"));
    let zoom = 1;
    const scale = (factor) => {
      zoom = Math.max(1, Math.min(8, zoom * factor));
      svg.setAttribute("width", natural * zoom);
      svg.setAttribute("height", high_ * zoom);
    };
    get("zoom").hidden = false;
    get("zoom-in").addEventListener("click", () => scale(2));
    get("zoom-out").addEventListener("click", () => scale(0.5));
    go(0, 0);
  }

  const save = get("save");
  if (save) {
    save.hidden = false;
    save.addEventListener("click", () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([get("report").textContent], { type: "application/json" }));
      link.download = "report.json";
      link.click();
      URL.revokeObjectURL(link.href);
    });
  }
})();
