/**
 * YAML text → a document, or what keeps it from being one, in the words of this project. One document, at most 100 levels
 * deep, whose aliases all have their anchor before them.
 */
import { type Document, isAlias, isNode, LineCounter, type Node, parseDocument, visit } from 'yaml';
import { TOO_DEEP, tooDeep } from '../base/yaml-depth.js';

/** At an offset of the text. */
export interface YamlProblem {
  readonly offset: number;
  readonly text: string;
}

export interface YamlFile {
  readonly document: Document;
  readonly lines: LineCounter;
  readonly problems: readonly YamlProblem[];
  /** Where the first alias stands. */
  readonly firstAlias: number | undefined;
}

export function readYaml(text: string): YamlFile {
  const lines = new LineCounter();
  const deep = tooDeep(text);
  // Of what is too deep the part before it is read: it gives the lines.
  const readable = deep === undefined ? text : text.slice(0, deep);
  const document = parseDocument(readable, { lineCounter: lines, stringKeys: true, prettyErrors: false });
  if (deep !== undefined)
    return { document, lines, problems: [{ offset: deep, text: TOO_DEEP }], firstAlias: undefined };
  const problems = parseProblems(document);
  return { document, lines, ...(problems.length > 0 ? { problems, firstAlias: undefined } : aliasProblems(document)) };
}

function parseProblems({ errors, warnings }: Document.Parsed): readonly YamlProblem[] {
  const all = [...errors, ...warnings];
  // Levels of indentation: what follows it is its consequence.
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
