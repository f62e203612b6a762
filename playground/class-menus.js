// The menus of classes, with probabilities, the most probable first.

export function softmax(logits) {
  const largest = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

// Indices of the classes by their logit, the largest first.
export function ranking(logits) {
  return Array.from(logits, (_, index) => index).sort((a, b) => logits[b] - logits[a]);
}

export function percent(probability) {
  if (probability < 0.001) return "< 0.1 %";
  return `${(100 * probability).toFixed(1)} %`;
}

// `automatic` is the text of the first option, which stands for no choice.
export function offerClasses(menu, labels, order, automatic, chosen) {
  const options = order.map((index) => new Option(labels[index], index));
  menu.replaceChildren(new Option(automatic, ""), ...options);
  menu.value = chosen ?? "";
}

// New probabilities behind the names; the order stays, so that the menu does not jump.
export function showProbabilities(menu, labels, logits) {
  const probabilities = softmax(logits);
  for (const option of menu.options) {
    if (option.value !== "") option.text = `${labels[option.value]}, ${percent(probabilities[option.value])}`;
  }
}
