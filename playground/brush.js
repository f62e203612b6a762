// The brush on the picture: a pointer, or the arrow keys with space.
import {CELLS} from "./covered-region.js";

const STEPS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};

export class Brush {
  #at = {column: CELLS / 2, row: CELLS / 2};
  #down = false;

  // `settings()` returns the size in cells and whether the brush uncovers. `changed` is called after a stroke
  // has changed the region.
  constructor(canvas, region, settings, changed) {
    Object.assign(this, {canvas, region, settings, changed});
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.#down = true;
      this.#stroke(event);
    });
    canvas.addEventListener("pointermove", (event) => this.#down && this.#stroke(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (this.#down = false));
    canvas.addEventListener("keydown", (event) => this.#press(event));
    for (const type of ["focus", "blur"]) canvas.addEventListener(type, () => this.#showCursor());
  }

  #stroke({offsetX, offsetY}) {
    const {clientWidth, clientHeight} = this.canvas;
    this.#move(Math.floor((offsetX / clientWidth) * CELLS), Math.floor((offsetY / clientHeight) * CELLS));
    this.#paint();
  }

  #press(event) {
    const step = STEPS[event.key];
    if (step) this.#move(this.#at.column + step[0], this.#at.row + step[1]);
    else if (event.key === " " || event.key === "Enter") this.#paint();
    else return;
    event.preventDefault();
  }

  #move(column, row) {
    const inside = (cell) => Math.min(Math.max(cell, 0), CELLS - 1);
    this.#at = {column: inside(column), row: inside(row)};
    this.#showCursor();
  }

  #paint() {
    const {size, uncovers} = this.settings();
    if (this.region.paint(this.#at.column, this.#at.row, size, !uncovers)) this.changed();
  }

  // The square of the brush, as custom properties that the style sheet places.
  #showCursor() {
    const {size} = this.settings();
    const start = Math.floor((size - 1) / 2);
    const place = {left: this.#at.column - start, top: this.#at.row - start, size};
    for (const [name, cells] of Object.entries(place)) {
      this.canvas.parentElement.style.setProperty(`--brush-${name}`, `${(100 * cells) / CELLS}%`);
    }
  }
}
