// Whether the browser runs WebAssembly with SIMD, which the runtime needs.

// A module with one function that returns the bit mask of a vector of bytes.
const MODULE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
]);

export function hasSimd() {
  return typeof WebAssembly === "object" && WebAssembly.validate(MODULE);
}
