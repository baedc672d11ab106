/**
 * This module reads the rules in the `http` blocks of service configs (google.api.Service as YAML or JSON;
 * grpc-gateway's API configuration has the same form):
 *
 *     type: google.api.Service
 *     http:
 *       rules:
 *         - selector: shop.v1.Orders.GetOrder
 *           get: "/v1/{name=orders/*}"
 *
 * A rule replaces the method's annotation, and the last rule of a method wins (http.proto;
 * docs/schema.md#other-routes-for-an-rpc).
 */
import { readFileSync, statSync } from 'node:fs';
import { isMap, isNode, isScalar, isSeq, type Node, type Pair, type Scalar } from 'yaml';
import { type Diagnostic, errorAt, formatPosition, type Position, warningAt } from '../base/diagnostic.js';
import { meantHint } from '../base/did-you-mean.js';
import { unreadable } from '../base/unreadable.js';
import { parseYaml, type YamlText } from '../base/yaml-text.js';
import { readHttpRule } from './annotation-reader.js';
import type { HttpRule } from './annotations.js';
import type { ServiceDescriptor } from './descriptor.js';
import { isMessage, type OptionMessage, OptionReader, type OptionTree, type OptionValue } from './option-tree.js';

const MAX_FILE_BYTES = 16 * 1024 * 1024;
const TYPE = 'google.api.Service';
/** Blocks that cause no warning: `type` and `http`, which are read, and those that do not affect how a request is served. */
const SILENT: ReadonlySet<string> = new Set([
  'type',
  'config_version',
  'name',
  'id',
  'title',
  'producer_project_id',
  'apis',
  'types',
  'enums',
  'documentation',
  'publishing',
  'http',
]);
const RULE = 'http-rules';

export interface ConfiguredRule {
  /** The name of the method: `pkg.Service.Method`. */
  readonly selector: string;
  readonly rule: HttpRule;
  /** Problems of the rule itself. They are reported only if the rule applies to a method. */
  readonly diagnostics: readonly Diagnostic[];
  readonly position: Position;
}

/** The rules of all service configs. It remembers which rules were looked up for a method. */
export class ConfiguredRules {
  private readonly rules = new Map<string, ConfiguredRule>();
  private readonly used = new Set<ConfiguredRule>();
  readonly diagnostics: Diagnostic[] = [];

  constructor(files: readonly string[]) {
    for (const file of files) for (const rule of readServiceConfig(file, this.diagnostics)) this.add(rule);
  }

  /** All rules as a text, which differs when one of them does. */
  get text(): string {
    return JSON.stringify([...this.rules.values()].map(({ selector, rule }) => [selector, rule]));
  }

  get isEmpty(): boolean {
    return this.rules.size === 0;
  }

  /** Returns the rule of a method. `method` has the form `pkg.Service.Method`. */
  of(method: string): ConfiguredRule | undefined {
    const rule = this.rules.get(method);
    if (rule !== undefined) this.used.add(rule);
    return rule;
  }

  /**
   * Returns the problems of rules that belong to no method: an error if the service exists, since the selector is misspelt;
   * one warning for each service that no file declares, since it may be a mixin.
   */
  unused(services: readonly ServiceDescriptor[]): readonly Diagnostic[] {
    const unused = [...this.rules.values()].filter((rule) => !this.used.has(rule));
    const absent = new Map<string, Diagnostic>();
    const wrong = unused.flatMap(({ selector, position }) => {
      const service = selector.slice(0, Math.max(0, selector.lastIndexOf('.')));
      const known = services.find(({ fullName }) => fullName === service);
      if (known !== undefined) {
        const names = known.methods.map(({ name }) => `${service}.${name}`);
        return errorAt(position, RULE, `selector: expected an rpc, got '${selector}'${meantHint(selector, names)}`);
      }
      if (absent.has(service)) return [];
      const meant = meantHint(
        service,
        services.map(({ fullName }) => fullName),
      );
      const text = `selector: no loaded file declares the service '${service}', so its rules are not served${meant}`;
      absent.set(service, warningAt(position, RULE, text));
      return [];
    });
    return [...wrong, ...absent.values()];
  }

  private add(rule: ConfiguredRule): void {
    const { selector, position } = rule;
    const earlier = this.rules.get(selector);
    this.rules.set(selector, rule);
    if (earlier === undefined) return;
    const text = `${selector}: expected one rule for this rpc, but the rule at ${formatPosition(position)} replaces it`;
    this.diagnostics.push(warningAt(earlier.position, RULE, text));
  }
}

function readServiceConfig(file: string, diagnostics: Diagnostic[]): readonly ConfiguredRule[] {
  try {
    const stats = statSync(file);
    // Reading a pipe or a device could block the process or never end.
    if (stats.isFile() && stats.size <= MAX_FILE_BYTES)
      return new ServiceConfig(file, readFileSync(file, 'utf8'), diagnostics).rules();
    const found = stats.isFile() ? `${stats.size} bytes` : 'no regular file';
    diagnostics.push(errorAt({ file }, RULE, `expected a file of at most ${MAX_FILE_BYTES} bytes, got ${found}`));
  } catch (error) {
    diagnostics.push(errorAt({ file }, RULE, unreadable(error)));
  }
  return [];
}

class ServiceConfig {
  private readonly yaml: YamlText;

  constructor(
    private readonly file: string,
    text: string,
    private readonly diagnostics: Diagnostic[],
  ) {
    this.yaml = parseYaml(text);
  }

  rules(): readonly ConfiguredRule[] {
    const { document, problems } = this.yaml;
    for (const { offset, text } of problems) this.diagnostics.push(errorAt(this.at(offset), 'yaml', text));
    if (problems.length > 0) return [];
    const { contents } = document;
    const blocks = isMap(contents) ? contents.items : [];
    this.checkBlocks(blocks);
    const http = blocks.find(({ key }) => nameOf(key) === 'http')?.value;
    if (isMap(http)) return this.rulesOf({ value: this.tree(http), position: this.at(http.range?.[0] ?? 0) });
    this.error({ file: this.file }, `expected ${TYPE} with an http block, got none`);
    return [];
  }

  /** Reports a wrong `type`, and warns of the blocks that are not obeyed: one of them may be meant to restrict access. */
  private checkBlocks(blocks: readonly Pair[]): void {
    const type = blocks.find(({ key }) => nameOf(key) === 'type')?.value;
    if (isScalar(type) && type.value !== TYPE)
      this.error(this.placeOf(type), `type: expected ${TYPE}, got '${type.value}'`);
    const others = blocks.filter(({ key }) => !SILENT.has(nameOf(key)));
    const [first] = others;
    if (first === undefined || !isNode(first.key)) return;
    const names = others.map(({ key }) => nameOf(key)).join(', ');
    const text = `${names}: ignored, because only the http block is read; use auth, policies and upstreams of the config instead`;
    this.diagnostics.push(warningAt(this.at(first.key.range?.[0] ?? 0), RULE, text));
  }

  private rulesOf(http: OptionMessage): readonly ConfiguredRule[] {
    const reader = new OptionReader(http, RULE, this.diagnostics);
    // Paths are decoded as if it were true, whatever its value is (docs/http-mapping.md#matching).
    if (reader.has('fully_decode_reserved_expansion') && !reader.boolean('fully_decode_reserved_expansion')) {
      const text =
        'fully_decode_reserved_expansion: expected true, got false, which is ignored: everything except %2F is decoded';
      this.diagnostics.push(warningAt(reader.positionOf('fully_decode_reserved_expansion'), RULE, text));
    }
    reader.messages('rules');
    reader.close();
    return (http.value.get('rules') ?? []).flatMap((one) => (isMessage(one) ? this.rule(one) : []));
  }

  private rule(message: OptionMessage): readonly ConfiguredRule[] {
    const [selector] = message.value.get('selector') ?? [];
    const name = selector?.value;
    if (selector === undefined || typeof name !== 'string' || !/^\w+(\.\w+)+$/.test(name)) {
      const found = name === undefined ? 'none' : isMessage(selector!) ? 'a mapping' : `'${name}'`;
      this.error(
        selector?.position ?? message.position,
        `selector: expected an rpc (pkg.Service.Method), got ${found}`,
      );
      return [];
    }
    const diagnostics: Diagnostic[] = [];
    const rule = readHttpRule(message, diagnostics);
    return [{ selector: name, rule, diagnostics, position: selector.position }];
  }

  private tree(map: Node): OptionTree {
    const tree = new Map<string, OptionValue[]>();
    if (!isMap(map)) return tree;
    for (const { key, value } of map.items) {
      const name = nameOf(key);
      const items = isSeq(value) ? value.items : [value];
      tree.set(name, [...(tree.get(name) ?? []), ...items.flatMap((item) => this.value(item as Node | null))]);
    }
    return tree;
  }

  private value(node: Node | null): readonly OptionValue[] {
    if (isMap(node)) return [{ value: this.tree(node), position: this.at(node.range?.[0] ?? 0) }];
    if (isScalar(node)) {
      const { value } = node;
      if (value === null) return [];
      const plain = typeof value === 'number' || typeof value === 'boolean' ? value : String(value);
      return [{ value: plain, position: this.placeOf(node) }];
    }
    if (node !== null)
      this.error(this.at(node.range?.[0] ?? 0), 'expected a value or a mapping, got an alias or a list');
    return [];
  }

  /** Returns the position of a value's first character. A block scalar has no column, because it is indented. */
  private placeOf({ type, range }: Scalar): Position {
    const position = this.at(range?.[0] ?? 0);
    if (type === 'BLOCK_FOLDED' || type === 'BLOCK_LITERAL') return { file: this.file, line: position.line };
    const quote = type === 'QUOTE_DOUBLE' || type === 'QUOTE_SINGLE' ? 1 : 0;
    return { ...position, column: position.column + quote };
  }

  private at(offset: number) {
    const { line, col } = this.yaml.lines.linePos(offset);
    return { file: this.file, line, column: col };
  }

  private error(position: Position, text: string): void {
    this.diagnostics.push(errorAt(position, RULE, text));
  }
}

/** Returns the proto name of a field. The JSON name is accepted too, as protobuf's own readers do. */
function nameOf(key: unknown): string {
  return isScalar(key) ? String(key.value).replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) : '';
}
