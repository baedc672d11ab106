/** This module turns the declaration of an enum into its descriptor. */
import { type EnumDeclaration, lastSegment, type Places } from './declaration.js';
import type { EnumDescriptor, EnumValueDescriptor, FieldType } from './descriptor.js';

export class Enum implements EnumDescriptor {
  readonly kind = 'enum';
  readonly typed: FieldType = { kind: 'enum', enum: this };
  readonly values: EnumDescriptor['values'];
  private readonly names = new Map<number, string>();
  private readonly numbers = new Map<string, number>();

  constructor(private readonly declaration: EnumDeclaration) {
    const { fullName, places } = declaration;
    this.values = declaration.values.map(({ name, number }) => new EnumValue(name, number, fullName, places));
    for (const { name, number } of declaration.values) {
      setOnce(this.names, number, name);
      setOnce(this.numbers, name, number);
    }
  }

  get fullName(): string {
    return this.declaration.fullName;
  }
  get name(): string {
    return lastSegment(this.declaration.fullName);
  }
  get closed(): boolean {
    return this.declaration.closed;
  }
  get comment(): string | undefined {
    return this.declaration.places.comment(this.declaration.fullName);
  }
  get position() {
    return this.declaration.places.position(this.declaration.fullName);
  }
  documentOptions() {
    return this.declaration.places.documentOptions(this.declaration.fullName);
  }
  nameOf(number: number): string | undefined {
    return this.names.get(number);
  }
  numberOf(name: string): number | undefined {
    return this.numbers.get(name);
  }
}

class EnumValue implements EnumValueDescriptor {
  constructor(
    readonly name: string,
    readonly number: number,
    private readonly parent: string,
    private readonly places: Places,
  ) {}

  get comment(): string | undefined {
    return this.places.comment(`${this.parent}.${this.name}`);
  }
  documentOptions() {
    return this.places.documentOptions(`${this.parent}.${this.name}`);
  }
  get position() {
    return this.places.position(`${this.parent}.${this.name}`);
  }
}

/** Sets the value of a key that has none; the first of several values stays. */
export function setOnce<K, V>(map: Map<K, V>, key: K, value: V): void {
  if (!map.has(key)) map.set(key, value);
}
