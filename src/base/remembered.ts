/** Returns a function that computes its result once for each object, and remembers it as long as the object lives. */
export function remembered<K extends object, V>(compute: (one: K) => V): (one: K) => V {
  const results = new WeakMap<K, { readonly value: V }>();
  return (one) => {
    const known = results.get(one);
    if (known !== undefined) return known.value;
    const value = compute(one);
    results.set(one, { value });
    return value;
  };
}
