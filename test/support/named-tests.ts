/** The names of tests whose files share a process. */

/**
 * Returns ava's `test` with `prefix` before all names, as ava itself does it when it runs several files. So two files may
 * have tests of the same name, and a failure says in which file it is.
 */
export function namedTests<T extends object>(test: T, prefix: string): T {
  return new Proxy(test, {
    get(target, key) {
      const value = Reflect.get(target, key) as unknown;
      return typeof value === 'function' ? namedTests(value, prefix) : value;
    },
    apply(target, self, [name, ...rest]: unknown[]) {
      const args = typeof name === 'string' ? [prefix + name, ...rest] : [name, ...rest];
      return Reflect.apply(target as (...args: unknown[]) => unknown, self, args);
    },
  });
}
