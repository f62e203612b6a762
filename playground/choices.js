// The choices that networks.json describes: networks, methods and pictures.

// `address` gives the address of a file of the playground.
export function offerChoices(place, {networks, methods, pictures}, address) {
  const titles = Object.fromEntries(Object.entries(networks).map(([name, {title}]) => [name, title]));
  fill(place.querySelector("[name=network]"), titles);
  fill(place.querySelector("[name=method]"), methods);
  const labels = Object.entries(pictures).map(([name, words]) => pictureChoice(name, words, address(`${name}-small.webp`)));
  place.querySelector(".pictures").replaceChildren(...labels);
}

// A network without a title serves the comparison alone.
function fill(menu, titles) {
  const named = Object.entries(titles).filter(([, title]) => title);
  menu.replaceChildren(...named.map(([name, title]) => new Option(title, name)));
}

function pictureChoice(value, words, source) {
  const label = document.createElement("label");
  const radio = Object.assign(document.createElement("input"), {type: "radio", name: "picture", value});
  const image = Object.assign(document.createElement("img"), {src: source, alt: words, title: words, width: 56, height: 56});
  label.append(radio, image);
  return label;
}
