/**
 * This module parses YAML text, or returns problems with texts of this project. A file has one document, is nested at
 * most 100 levels deep, and has an anchor before each of its aliases.
 */
import { type Document, isAlias, isNode, LineCounter, type Node, parseDocument, visit } from 'yaml';
import { TOO_DEEP, tooDeep } from '../base/yaml-depth.js';

/** A problem at an offset of the text. */
export interface YamlProblem {
  readonly offset: number;
  readonly text: string;
}

export interface YamlFile {
  readonly document: Document;
  readonly lines: LineCounter;
  readonly problems: readonly YamlProblem[];
  /** The offset of the first alias. Undefined when there is none. */
  readonly firstAlias: number | undefined;
}

export function readYaml(text: string): YamlFile {
  const lines = new LineCounter();
  const deep = tooDeep(text);
  // If the text is nested too deep, only the part before that place is parsed, to know the numbers of its lines.
  const readable = deep === undefined ? text : text.slice(0, deep);
  const document = parseDocument(readable, { lineCounter: lines, stringKeys: true, prettyErrors: false });
  if (deep !== undefined)
    return { document, lines, problems: [{ offset: deep, text: TOO_DEEP }], firstAlias: undefined };
  const problems = parseProblems(document);
  return { document, lines, ...(problems.length > 0 ? { problems, firstAlias: undefined } : aliasProblems(document)) };
}

function parseProblems({ errors, warnings }: Document.Parsed): readonly YamlProblem[] {
  const all = [...errors, ...warnings];
  // The YAML is indented too deep. All other errors follow from that and are left out.
  const exhausted = all.find(({ code }) => code === 'RESOURCE_EXHAUSTION');
  if (exhausted !== undefined) return [{ offset: exhausted.pos[0], text: TOO_DEEP }];
  return all.map(({ code, pos: [offset], message }) => {
    const text = code === 'MULTIPLE_DOCS' ? 'expected one document, got a second one' : message.split('\n', 1)[0]!;
    return { offset, text };
  });
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
    problems.push({ offset, text: `*${source}: expected an anchor &${source} before it, got ${found}` });
  });
  return { problems, firstAlias };
}

function anchorOf(node: Node): string | undefined {
  return 'anchor' in node ? node.anchor : undefined;
}
