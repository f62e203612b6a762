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
      this.#move(...this.#cell(event));
      this.#paint();
    });
    canvas.addEventListener("pointermove", (event) => this.#down && this.#stroke(...this.#cell(event)));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (this.#down = false));
    canvas.addEventListener("keydown", (event) => this.#press(event));
    for (const type of ["focus", "blur"]) canvas.addEventListener(type, () => this.#showCursor());
  }

  #cell({offsetX, offsetY}) {
    const {clientWidth, clientHeight} = this.canvas;
    return [Math.floor((offsetX / clientWidth) * CELLS), Math.floor((offsetY / clientHeight) * CELLS)];
  }

  // Paint all cells on the way: a fast pointer reports few of them.
  #stroke(column, row) {
    const start = {...this.#at};
    const steps = Math.max(Math.abs(column - start.column), Math.abs(row - start.row));
    for (let step = 1; step <= steps; step++) {
      const along = (from, to) => Math.round(from + ((to - from) * step) / steps);
      this.#move(along(start.column, column), along(start.row, row));
      this.#paint(false);
    }
    this.changed();
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

  #paint(isLast = true) {
    const {size, uncovers} = this.settings();
    const isNew = this.region.paint(this.#at.column, this.#at.row, size, !uncovers);
    if (isNew && isLast) this.changed();
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
