// The share of units that pass the gradient, by layer.

export function showShares(list, layers, shares) {
  list.replaceChildren(...layers.map((layer, number) => {
    const row = document.createElement("div");
    const name = document.createElement("dt");
    const value = document.createElement("dd");
    name.textContent = layer;
    value.textContent = percent(shares[number]);
    row.style.setProperty("--share", shares[number]);
    row.append(name, value);
    return row;
  }));
}

// The first layer, from the output, that no unit passed; undefined if there is none.
export function closedLayer(layers, shares) {
  return layers.find((_, number) => shares[number] === 0);
}

function percent(share) {
  return `${(100 * share).toPrecision(3)} %`;
}
