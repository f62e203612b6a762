// The figures of the maps: a canvas, what it shows, and how similar it is to the map of the chosen method.
import {caption} from "./columns.js";
import {drawMap} from "./drawing.js";
import {correlation} from "./ranks.js";

export class Figures {
  #shown = new Map(); // by column, its key, description and result

  constructor(place) {
    this.place = place;
  }

  // Show the figures of these columns alone; a new one is empty.
  arrange(ids, side) {
    for (const figure of this.place.querySelectorAll("figure[data-column]")) {
      const id = figure.dataset.column;
      figure.hidden = !ids.includes(id);
      if (figure.hidden) this.#shown.delete(id);
      const canvas = figure.querySelector("canvas");
      if (canvas.width === side) continue;
      canvas.width = canvas.height = side;
      this.#shown.delete(id);
    }
  }

  isShown(id, key) {
    return this.#shown.get(id)?.key === key;
  }

  show(column, key, result, pixels, state, description) {
    this.#shown.set(column.id, {key, column, result});
    const figure = this.place.querySelector(`[data-column=${column.id}]`);
    const canvas = figure.querySelector("canvas");
    drawMap(canvas, result.values, pixels, description.colours);
    figure.querySelector(".title").textContent = caption(column, state, description);
    const label = description.networks[state.network].labels[column.target];
    canvas.setAttribute("aria-label", `Map of ${caption(column, state, description)} for ${label}`);
  }

  // The rank correlations; they are computed anew when any map has changed.
  compare(state, description) {
    const map = this.#shown.get(state.method)?.result;
    for (const [id, {result}] of this.#shown) {
      const note = this.place.querySelector(`[data-column=${id}] .note`);
      note.textContent = map ? this.#note(id, state, result, map, description) : "";
    }
  }

  #note(id, state, result, map, description) {
    if (result.values.every((value) => value === 0)) return "The map is all zero.";
    if (id === state.method) return "";
    const found = correlation(result.ranks, map.ranks);
    const name = description.methods[state.method];
    if (found === null) return "A constant map has no rank correlation.";
    return `Rank correlation with ${name}: ${found.toFixed(2)}`;
  }

  result(id) {
    return this.#shown.get(id)?.result;
  }

  // What is shown, in the order of the page, with the rank correlation to the map.
  list(state) {
    const figures = [...this.place.querySelectorAll("figure[data-column]:not([hidden])")];
    const map = this.#shown.get(state.method)?.result;
    return figures.flatMap((figure) => {
      const shown = this.#shown.get(figure.dataset.column);
      if (!shown || !map) return [];
      const canvas = figure.querySelector("canvas");
      const [title, note] = [".title", ".note"].map((part) => figure.querySelector(part).textContent);
      return [{...shown, canvas, title, note, correlation: correlation(shown.result.ranks, map.ranks)}];
    });
  }
}
