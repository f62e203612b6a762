// The figures of the maps: a canvas, what it shows, and how similar it is to the map of the chosen method.
import {caption} from "./columns.js";
import {drawMap} from "./drawing.js";
import {correlation} from "./ranks.js";

export class Figures {
  #shown = new Map(); // by the id of a column, the column and its result

  constructor(place) {
    this.place = place;
  }

  // Show the figures of these columns alone. `results` has the result of each, or undefined where it is not
  // computed yet: such a figure is pale, and what it shows counts for nothing.
  arrange(columns, results, side) {
    for (const figure of this.place.querySelectorAll("figure[data-column]")) {
      const id = figure.dataset.column;
      const number = columns.findIndex((column) => column.id === id);
      figure.hidden = number < 0;
      const canvas = figure.querySelector("canvas");
      if (figure.hidden || canvas.width !== side) this.#shown.delete(id);
      if (canvas.width !== side) canvas.width = canvas.height = side;
      const isCurrent = results[number] !== undefined && this.#shown.get(id)?.result === results[number];
      this.#setCurrent(figure, isCurrent);
    }
  }

  show(column, result, pixels, state, description) {
    const figure = this.place.querySelector(`[data-column=${column.id}]`);
    if (this.#isCurrent(column.id) && this.#shown.get(column.id).result === result) return;
    this.#shown.set(column.id, {column, result});
    this.#setCurrent(figure, true);
    const canvas = figure.querySelector("canvas");
    drawMap(canvas, result.values, pixels, description.colours);
    figure.querySelector(".title").textContent = caption(column, state, description);
    const label = description.networks[state.network].labels[column.target];
    canvas.setAttribute("aria-label", `Map of ${caption(column, state, description)} for ${label}`);
  }

  #setCurrent(figure, value) {
    figure.classList.toggle("stale", !value);
    if (!value) figure.querySelector(".note").textContent = "";
  }

  #isCurrent(id) {
    return this.#shown.has(id) && !this.place.querySelector(`[data-column=${id}]`).classList.contains("stale");
  }

  // The rank correlations of the maps that are current.
  compare(state, description) {
    if (!this.#isCurrent(state.method)) return;
    const map = this.result(state.method);
    for (const [id, {result}] of this.#shown) {
      if (!this.#isCurrent(id)) continue;
      this.place.querySelector(`[data-column=${id}] .note`).textContent = this.#note(id, state, result, map, description);
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

  // The current maps, in the order of the page, with the rank correlation to the map of the chosen method.
  list(state) {
    if (!this.#isCurrent(state.method)) return [];
    const map = this.result(state.method);
    return [...this.place.querySelectorAll("figure[data-column]:not([hidden], .stale)")].map((figure) => {
      const shown = this.#shown.get(figure.dataset.column);
      const canvas = figure.querySelector("canvas");
      const [title, note] = [".title", ".note"].map((part) => figure.querySelector(part).textContent);
      return {...shown, canvas, title, note, correlation: correlation(shown.result.ranks, map.ranks)};
    });
  }
}
