/**
 * This module parses YAML text, or returns what is wrong with it in texts of this project. No text quotes the file, which
 * may contain secrets. A syntax error is reported alone, because the parser's other errors usually follow from the first:
 *
 *     schema: { protos: [protos }     1:19: expected ] for this [, got none
 */
import { type Document, LineCounter, parseDocument } from 'yaml';
import { TOO_DEEP, tooDeep, type YamlToken, yamlTokens } from './yaml-depth.js';

/** A problem at an offset of the YAML text. */
export interface YamlProblem {
  readonly offset: number;
  readonly text: string;
}

export interface YamlText {
  readonly document: Document;
  readonly lines: LineCounter;
  /** The problems of the text. If there are some, the document must not be used. */
  readonly problems: readonly YamlProblem[];
}

/** Parses the YAML text of a file, which was read as UTF-8. */
export function parseYaml(text: string): YamlText {
  const refusal = refusalOf(text);
  const lines = new LineCounter();
  // If the text is not parsed because of a problem, only the part before the problem is, so that `lines` knows its line number.
  const readable = refusal === undefined ? text : text.slice(0, refusal.offset);
  const document = parseDocument(readable, { lineCounter: lines, stringKeys: true, prettyErrors: false });
  const problems = refusal === undefined ? problemsOf(text, document) : [refusal];
  return { document, lines, problems };
}

/** Returns the problem because of which the text must not be parsed at all; undefined when there is none. */
function refusalOf(text: string): YamlProblem | undefined {
  // Bytes that are not UTF-8 were read as U+FFFD. A file that is not text usually contains NUL bytes.
  const foreign = text.search(/[\0\uFFFD]/);
  if (foreign >= 0) return { offset: foreign, text: 'expected text in UTF-8, got other bytes' };
  const deep = tooDeep(text);
  return deep === undefined ? undefined : { offset: deep, text: TOO_DEEP };
}

type ParserProblem = Document.Parsed['errors'][number] | Document.Parsed['warnings'][number];

/** The errors after which the parser still reads the rest of the text correctly, with our texts. All of them are reported. */
const INDEPENDENT: ReadonlyMap<string, string> = new Map([
  ['DUPLICATE_KEY', 'expected each key once, got this key again'],
  ['TAG_RESOLVE_FAILED', "expected no such tag; a text that begins with '!' needs quotes"],
  ['BAD_COLLECTION_TYPE', "expected no such tag; a text that begins with '!' needs quotes"],
  ['MULTIPLE_DOCS', 'expected one document, got a second one'],
]);

function problemsOf(text: string, { errors, warnings }: Document.Parsed): readonly YamlProblem[] {
  const all: readonly ParserProblem[] = [...errors, ...warnings].sort((a, b) => a.pos[0] - b.pos[0]);
  // The text is indented too deeply. All other errors are consequences of that.
  const exhausted = all.find(({ code }) => code === 'RESOURCE_EXHAUSTION');
  if (exhausted !== undefined) return [{ offset: exhausted.pos[0], text: TOO_DEEP }];
  const first = all.find(({ code }) => !INDEPENDENT.has(code));
  if (first !== undefined) return [unclosed(text, first) ?? { offset: first.pos[0], text: syntaxText(first) }];
  return all.map(({ code, pos: [offset] }) => ({ offset, text: INDEPENDENT.get(code)! }));
}

/** The characters that close brackets and quotes, as error texts name them. */
const CLOSING: ReadonlyMap<string, string> = new Map([
  ['{', '}'],
  ['[', ']'],
  ['"', 'another "'],
  ["'", "another '"],
]);

/**
 * Returns the problem of a bracket or a quote that is not closed, at the place where it opens; undefined for another problem.
 */
function unclosed(text: string, { message, pos: [end] }: ParserProblem): YamlProblem | undefined {
  const isQuote = message.startsWith('Missing closing');
  if (!isQuote && !/ must (?:be sufficiently indented and )?end with a [\]}]/.test(message)) return undefined;
  const brackets: YamlToken[] = [];
  let quoted: YamlToken | undefined;
  for (const found of yamlTokens(text)) {
    const { type, offset } = found;
    if (offset >= end) break;
    if (type === 'flow-map-start' || type === 'flow-seq-start') brackets.push(found);
    else if (type === 'flow-map-end' || type === 'flow-seq-end') brackets.pop();
    else if (type === 'double-quoted-scalar' || type === 'single-quoted-scalar') quoted = found;
  }
  const opening = isQuote ? quoted : brackets.at(-1);
  if (opening === undefined) return undefined;
  const mark = opening.token[0]!;
  return { offset: opening.offset, text: `expected ${CLOSING.get(mark)} for this ${mark}, got none` };
}

/** Our texts for messages of the parser, by the beginning of the message. */
const BY_MESSAGE: readonly (readonly [beginning: string, text: string])[] = [
  ['Nested mappings', "expected one value, got a second ': ' in the line; a text that contains ': ' needs quotes"],
  ['A block sequence', 'expected keys or a list, got both at the same indentation'],
  ['All sequence items', 'expected the same indentation as the items before, got another one'],
  ['Implicit map keys', "expected ': ' and a value after this key, got none"],
  ['Comments must be separated', "expected a space before '#', got none"],
  ['Missing space after :', "expected a space after ':', got none"],
  ['Missing , or :', "expected ',' or ':' before this value, got none"],
  ['Missing ,', "expected ',' before this item, got none"],
  ['Sequence item without', "expected '- ' before this item of the list, got none"],
  ['Unexpected flow-map-end', "expected no '}' here, because no '{' is open"],
  ['Unexpected flow-seq-end', "expected no ']' here, because no '[' is open"],
  ['Unexpected , in', "expected a value, got ','"],
];

/** Our texts for all other messages, by the parser's error code. */
const BY_CODE: ReadonlyMap<string, string> = new Map([
  ['BAD_INDENT', 'expected the same indentation as the keys before, got another one'],
  ['TAB_AS_INDENT', 'expected spaces at the beginning of the line, got a tab'],
  ['MULTILINE_IMPLICIT_KEY', "expected 'key: value' in one line, got no ': ' in this line"],
  ['BAD_SCALAR_START', 'expected quotes around a text that begins with this character, got none'],
  ['BAD_DQ_ESCAPE', "expected an escape such as \\n, got another one; write \\\\ for a backslash, or use ''"],
  ['BAD_ALIAS', 'expected a name after * or &, got none; a text that begins with * or & needs quotes'],
  ['NON_STRING_KEY', 'expected a text as key, got something else'],
  [
    'BLOCK_IN_FLOW',
    "expected ',' or the closing bracket after this value, got more; a text that contains ': ' needs quotes",
  ],
  ['UNEXPECTED_TOKEN', 'expected no more text behind this value, got some'],
]);

function syntaxText({ code, message }: ParserProblem): string {
  const own = BY_MESSAGE.find(([beginning]) => message.startsWith(beginning))?.[1] ?? BY_CODE.get(code);
  return own ?? 'expected YAML, got a text that is none';
}
