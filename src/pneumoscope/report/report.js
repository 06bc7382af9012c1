
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const list = byId("cards");
  const films = [...list.children].map((element) => ({
    element,
    name: element.querySelector("h3").title.toLowerCase(),
    probability: Number(element.dataset.probability),
    index: Number(element.dataset.index),
    states: element.dataset.states.split(" "),
    heat: element.querySelector(".heat-one"),
  }));
  const inOrder = (a, b) => a.index - b.index;
  const orders = {
    probability: (a, b) => b.probability - a.probability || inOrder(a, b),
    name: (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }) || inOrder(a, b),
    index: inOrder,
  };

  const filter = () => {
    const state = document.querySelector("input[name=show]:checked").value;
    const part = byId("search").value.trim().toLowerCase();
    let shown = 0;
    for (const film of films) {
      const visible = (state === "all" || film.states.includes(state)) && film.name.includes(part);
      film.element.hidden = !visible;
      shown += visible;
    }
    byId("shown").textContent = `${shown} of ${films.length} films`;
  };
  const sort = () => {
    films.sort(orders[byId("sort").value]);
    list.append(...films.map((film) => film.element));
  };
  const heatAll = () => {
    const on = byId("heat-all").checked;
    for (const film of films) if (film.heat) film.heat.checked = on;
  };
  const heatOne = () => {
    const switches = films.filter((film) => film.heat && !film.element.hidden).map((film) => film.heat.checked);
    byId("heat-all").indeterminate = switches.includes(true) && switches.includes(false);
    if (!byId("heat-all").indeterminate && switches.length) byId("heat-all").checked = switches[0];
  };
  const strength = () => document.documentElement.style.setProperty("--heat", byId("strength").value / 100);

  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  byId("controls").addEventListener("input", (event) => {
    if (event.target.name === "show" || event.target.id === "search") filter();
    else if (event.target.id === "sort") sort();
    else if (event.target.id === "heat-all") heatAll();
    else if (event.target.id === "strength") strength();
  });
  list.addEventListener("change", (event) => event.target.classList.contains("heat-one") && heatOne());
  byId("controls").hidden = false;
  // A browser that comes back to the page restores the controls: follow them.
  addEventListener("pageshow", () => {
    if (byId("sort").value !== "probability") sort();
    filter();
    strength();
  });
})();
