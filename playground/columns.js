// The maps that the page shows: what each is of.

// The maps for a state, the one that follows the slider first. `target` and `other` are indices of classes.
export function columns(state, description, target, other) {
  const {network, method, q} = state;
  const {control} = description.networks[network];
  const own = Object.keys(description.methods).map((each) => column(each, network, each, target));
  const found = [
    ...own.filter(({id}) => id === method),
    ...(state.another ? [column("another", network, method, other)] : []),
    ...(state.random ? [column("random", control, method, target)] : []),
    ...own.filter(({id}) => id !== method),
  ];
  return found;

  function column(id, network, method, target) {
    const hasPercentile = description.networks[network].files[method].percentile;
    return {id, network, method, target, percentile: hasPercentile ? q : null};
  }
}

export function caption({id, method, percentile, target}, state, description) {
  const {labels, controlTitle} = description.networks[state.network];
  const title = description.methods[method] + (percentile === null ? "" : `, q = ${percentile}`);
  if (id === "another") return `Another class: ${labels[target]} (${title})`;
  if (id === "random") return `${controlTitle[0].toUpperCase()}${controlTitle.slice(1)} (${title})`;
  return title;
}
