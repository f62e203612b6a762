// The region that the brush has covered: a grid of cells, the same for every network.

export const CELLS = 32; // on each side

export class CoveredRegion {
  #cells = new Uint8Array(CELLS * CELLS);

  // Cover or uncover a square of cells around one. Returns whether a cell changed.
  paint(column, row, size, value) {
    let changed = false;
    const start = Math.floor((size - 1) / 2);
    for (let y = row - start; y < row - start + size; y++) {
      for (let x = column - start; x < column - start + size; x++) {
        if (x < 0 || y < 0 || x >= CELLS || y >= CELLS) continue;
        changed ||= this.#cells[y * CELLS + x] !== Number(value);
        this.#cells[y * CELLS + x] = Number(value);
      }
    }
    return changed;
  }

  clear() {
    this.#cells.fill(0);
  }

  has(column, row) {
    return this.#cells[row * CELLS + column] === 1;
  }

  // Whether the pixel of a picture of `side` pixels is covered.
  hasPixel(x, y, side) {
    return this.has(Math.trunc((x * CELLS) / side), Math.trunc((y * CELLS) / side));
  }

  get share() {
    return this.#cells.reduce((sum, cell) => sum + cell, 0) / this.#cells.length;
  }

  // Letters for a link: eight cells are a byte. Empty if nothing is covered.
  get letters() {
    if (this.share === 0) return "";
    const bytes = Uint8Array.from({length: this.#cells.length / 8}, (_, byte) =>
      this.#cells.slice(8 * byte, 8 * byte + 8).reduce((bits, cell) => 2 * bits + cell, 0));
    return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  }

  // Returns whether the letters are those of a region.
  read(letters) {
    this.clear();
    if (letters === "") return true;
    let bytes;
    try {
      bytes = atob(letters.replaceAll("-", "+").replaceAll("_", "/"));
    } catch {
      return false;
    }
    if (bytes.length !== this.#cells.length / 8) return false;
    this.#cells.forEach((_, cell) => {
      this.#cells[cell] = (bytes.charCodeAt(cell >> 3) >> (7 - (cell & 7))) & 1;
    });
    return true;
  }
}
