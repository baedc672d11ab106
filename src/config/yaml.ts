/** This module parses the YAML of a config file, and checks that each alias (`*name`) has an anchor (`&name`) before it. */
import { type Document, isAlias, isNode, type Node, visit } from 'yaml';
import { parseYaml, type YamlProblem, type YamlText } from '../base/yaml-text.js';

export interface YamlFile extends YamlText {
  /** The offset of the first alias. Undefined when the text has none. */
  readonly firstAlias: number | undefined;
}

export function readYaml(text: string): YamlFile {
  const yaml = parseYaml(text);
  return yaml.problems.length > 0 ? { ...yaml, firstAlias: undefined } : { ...yaml, ...aliasProblems(yaml.document) };
}

function aliasProblems(document: Document) {
  const anchors = new Set<string>();
  const problems: YamlProblem[] = [];
  let firstAlias: number | undefined;
  visit(document, (_, node, ancestors) => {
    if (!isNode(node)) return;
    const anchor = anchorOf(node);
    if (anchor !== undefined) anchors.add(anchor);
    if (!isAlias(node)) return;
    const { source } = node;
    const offset = node.range?.[0] ?? 0;
    firstAlias ??= offset;
    const isInside = ancestors.some((one) => isNode(one) && anchorOf(one) === source);
    if (anchors.has(source) && !isInside) return;
    const found = isInside ? 'one around it' : 'none';
    problems.push({
      offset,
      text: `*${source}: expected an anchor &${source} before it, got ${found}; a text that begins with * needs quotes`,
    });
  });
  return { problems, firstAlias };
}

function anchorOf(node: Node): string | undefined {
  return 'anchor' in node ? node.anchor : undefined;
}
