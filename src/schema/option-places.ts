/** Where the values of the options of one declaration stand. */

interface OptionPlace {
  /** As written: `(google.api.http)`. */
  readonly option: string;
  /** In its value: `additional_bindings[0].get[0]`. */
  readonly path: string;
  readonly offset: number;
}

/** Up to so many are looked through: nearly all declarations have few, and an index of them costs more than it saves. */
const FEW = 32;

export class OptionPlaces {
  /** In the order of the text. */
  readonly #places: OptionPlace[] = [];
  #index: Map<string, number> | undefined;

  note(option: string, path: string, offset: number): void {
    this.#places.push({ option, path, offset });
    this.#index = undefined;
  }

  /** Of the first value at a path; undefined: there is none. */
  offsetOf(option: string, path: string): number | undefined {
    if (this.#places.length <= FEW)
      return this.#places.find((one) => one.path === path && one.option === option)?.offset;
    this.#index ??= new Map(this.#places.map((one) => [keyOf(one.option, one.path), one.offset] as const).reverse());
    return this.#index.get(keyOf(option, path));
  }

  /** Of an option's first value. */
  first(option: string): number | undefined {
    return this.#places.find((one) => one.option === option)?.offset;
  }
}

function keyOf(option: string, path: string): string {
  return `${option} ${path}`;
}
