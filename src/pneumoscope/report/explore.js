
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("map-data").textContent);
  const canvas = byId("map-canvas"), lens = byId("map-lens"), sprite = byId("map-sprite");
  const films = data.names.length;
  const ramp = ["#00224e", "#35456c", "#666970", "#948e77", "#c8b866", "#fee838"]; // cividis
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const measures = data.measures.map((one) => ({ ...one, ranks: bytes(one.ranks) }));
  const inset = 14, radius = films > 1000 ? 3.2 : 4.5;
  let side = 0, chosen = -1;

  const option = (title, value) => new Option(title, value);
  const group = (title, options) => {
    const element = document.createElement("optgroup");
    element.label = title;
    element.append(...options);
    return element;
  };
  byId("map-by").append(
    group("stated", data.parts.map((one, i) => option(one.title, `part ${i}`))),
    group("measured", measures.map((one, i) => option(one.title, `measure ${i}`))),
  );

  const between = (a, b, share) => {
    const parts = [1, 3, 5].map((i) => {
      const [from, to] = [a, b].map((colour) => parseInt(colour.slice(i, i + 2), 16));
      return Math.round(from + (to - from) * share);
    });
    return `rgb(${parts.join(" ")})`;
  };
  const shade = (rank) => {
    const at = (rank / 255) * (ramp.length - 1), step = Math.min(Math.floor(at), ramp.length - 2);
    return between(ramp[step], ramp[step + 1], at - step);
  };
  const by = () => {
    const [kind, place] = byId("map-by").value.split(" ");
    if (kind === "measure") return { measure: measures[place], colour: (i) => shade(measures[place].ranks[i]) };
    const part = data.parts[place];
    return { part, colour: (i) => part.colours[part.codes[i]] };
  };

  const at = (i) => [data.x[i], data.y[i]].map((value) => inset + (value / 1000) * (side - 2 * inset));
  const shapes = {
    circle: (pen, x, y, r) => pen.arc(x, y, r, 0, 2 * Math.PI),
    square: (pen, x, y, r) => pen.rect(x - r, y - r, 2 * r, 2 * r),
    triangle: (pen, x, y, r) => {
      pen.moveTo(x, y - 1.3 * r);
      pen.lineTo(x + 1.2 * r, y + r);
      pen.lineTo(x - 1.2 * r, y + r);
      pen.closePath();
    },
  };
  const outline = (pen, i, r) => {
    pen.beginPath();
    shapes[data.shapes[data.split[i]]](pen, ...at(i), r);
  };
  // Films of the rarer splits are drawn last, on top; within a split the order is that of a shuffled pack.
  const counts = data.split.reduce((sum, split) => sum.set(split, (sum.get(split) || 0) + 1), new Map());
  const scattered = (i) => (i * 7919) % films;
  const order = [...data.names.keys()].sort(
    (a, b) => counts.get(data.split[b]) - counts.get(data.split[a]) || scattered(a) - scattered(b) || a - b,
  );

  const draw = () => {
    const pen = canvas.getContext("2d"), { colour } = by();
    pen.clearRect(0, 0, side, side);
    pen.globalAlpha = 0.75;
    pen.lineWidth = 0.5;
    pen.strokeStyle = "#56636f";
    for (const i of order) {
      outline(pen, i, radius);
      pen.fillStyle = colour(i);
      pen.fill();
      pen.stroke();
    }
    pen.globalAlpha = 1;
    if (chosen < 0) return;
    outline(pen, chosen, 7);
    pen.fillStyle = colour(chosen);
    pen.fill();
    pen.lineWidth = 2;
    pen.strokeStyle = "#17212b";
    pen.stroke();
  };
  const swatch = (colour, text) => {
    const element = document.createElement("span"), dot = document.createElement("i");
    dot.style.background = colour;
    element.append(dot, text);
    return element;
  };
  const key = () => {
    const { part, measure } = by();
    const shown = part
      ? part.names.slice(0, 12).map((name, i) => swatch(part.colours[i], name))
      : [measure.low, ...ramp.slice(1, -1).map(() => ""), measure.high].map((text, i) => swatch(ramp[i], text));
    byId("map-key").replaceChildren(...shown, data.marks);
  };
  const line = (text, soft) => {
    const element = document.createElement("p");
    element.textContent = text;
    if (soft) element.className = "soft";
    return element;
  };
  const show = (i) => {
    if (i === chosen) return;
    chosen = i;
    lens.hidden = false;
    const pen = lens.getContext("2d"), size = data.thumb;
    const left = (i % data.columns) * size, top = Math.floor(i / data.columns) * size;
    // Half a pixel is left out all around, or the neighbours on the sheet would shine in.
    pen.drawImage(sprite, left + 0.5, top + 0.5, size - 1, size - 1, 0, 0, lens.width, lens.height);
    const said = data.parts
      .filter((part) => part.title === "class" || part.names[part.codes[i]] !== "not stated")
      .map((part) => `${part.title}: ${part.names[part.codes[i]]}`)
      .join(", ");
    const { measure } = by();
    const rank = measure && `${measure.title}: more than ${Math.round((measure.ranks[i] / 255) * 100)}% of the films`;
    byId("map-text").replaceChildren(line(data.names[i]), line(said, true), ...(rank ? [line(rank, true)] : []));
    draw();
  };

  const distance = (i, x, y) => {
    const [px, py] = at(i);
    return Math.hypot(px - x, py - y);
  };
  const best = (score) => {
    let found = -1, least = Infinity;
    for (let i = 0; i < films; i++) {
      const value = score(i);
      if (value < least) [found, least] = [i, value];
    }
    return [found, least];
  };
  canvas.addEventListener("pointermove", (event) => {
    const [i, far] = best((film) => distance(film, event.offsetX, event.offsetY));
    if (far < 16) show(i);
  });
  const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  canvas.addEventListener("keydown", (event) => {
    const way = ways[event.key];
    if (!way) return;
    event.preventDefault();
    const [x, y] = chosen < 0 ? [side / 2, side / 2] : at(chosen);
    const [i] = best((film) => {
      const [px, py] = at(film), ahead = (px - x) * way[0] + (py - y) * way[1];
      const aside = Math.abs((px - x) * way[1] + (py - y) * way[0]);
      return film !== chosen && ahead > 0 && ahead >= aside ? ahead + aside : Infinity;
    });
    if (i >= 0) show(i);
  });
  byId("map-by").addEventListener("change", () => {
    const film = chosen;
    chosen = -1;
    key();
    if (film >= 0) show(film);
    else draw();
  });

  const fit = () => {
    canvas.style.width = "0"; // or the canvas itself would keep its place wide
    side = Math.max(Math.min(canvas.parentElement.clientWidth, 760), 200);
    const scale = devicePixelRatio || 1;
    canvas.style.width = canvas.style.height = `${side}px`;
    canvas.width = canvas.height = Math.round(side * scale);
    canvas.getContext("2d").setTransform(scale, 0, 0, scale, 0, 0);
    draw();
  };
  byId("map-live").hidden = false;
  byId("map-still").hidden = true;
  addEventListener("resize", fit);
  addEventListener("pageshow", () => {
    key();
    fit();
  });
})();
