// The choices of the reader in the fragment of the address, which no browser sends to a server.

export const OWN = "own"; // a picture of the reader
export const DEFAULTS = {
  network: "cifar10_cnn",
  picture: "chelsea",
  target: null, // the predicted class
  other: null, // the least likely class
  q: 98,
  method: "rectgrad", // of the comparisons
  another: true,
  random: true,
};

export function fragment(state, region) {
  const {network, picture, target, other, q, method, another, random} = state;
  const values = {network, picture, class: target, other, q, method, another: Number(another), random: Number(random)};
  const covered = region.letters;
  if (covered) values.covered = covered;
  return new URLSearchParams(Object.entries(values).filter(([, value]) => value !== null)).toString();
}

// Returns the state, and a sentence for each value that cannot be used. `region` is changed.
export function readFragment(text, description, region) {
  const given = new URLSearchParams(text);
  const state = {...DEFAULTS};
  const problems = [];
  const {networks, pictures, methods} = description;
  const named = Object.keys(networks).filter((name) => networks[name].title);
  choose("network", named, "the network");
  choose("picture", [...Object.keys(pictures), OWN], "the picture");
  choose("method", Object.keys(methods), "the method");
  if (state.picture === OWN) {
    state.picture = DEFAULTS.picture;
    problems.push("The link was made with a picture that never left its sender's device. Choose the picture again.");
  }
  const last = networks[state.network].labels.length - 1;
  number("class", "target", last, true, "the class", "the predicted class is explained");
  number("other", "other", last, true, "another class", "the least likely class is used");
  number("q", "q", 100, false, "the percentile", `${DEFAULTS.q} is used`);
  for (const key of ["another", "random"]) if (given.has(key)) state[key] = given.get(key) !== "0";
  if (!region.read(given.get("covered") ?? "")) {
    problems.push("The covered region of the link cannot be read: the whole picture is used.");
  }
  return {state, problems};

  function choose(key, choices, what) {
    const value = given.get(key);
    if (value === null) return;
    if (choices.includes(value)) state[key] = value;
    else problems.push(`The link asks for ${what} “${value}”, which this page does not have: ${state[key]} is used.`);
  }

  function number(key, name, largest, whole, what, instead) {
    if (!given.has(key)) return;
    const text = given.get(key);
    const value = Number(text);
    const valid = text.trim() !== "" && value >= 0 && value <= largest && (!whole || Number.isInteger(value));
    if (valid) state[name] = value;
    else problems.push(`The link asks for ${what} ${text}, expected 0 to ${largest}: ${instead}.`);
  }
}
