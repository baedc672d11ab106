/**
 * Reads docs/diagnostics.md: a section for each rule of `check`, with an example that provokes the rule and one that does
 * not. The first proto block and the first YAML block of the page are the schema and the config around every example.
 *
 *     ### no-auth
 *     **Warning.** …
 *     ```yaml …```          the example
 *     **Fix:** …
 *     ```yaml …```          the mended example; it may be missing, as both may
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface RuleSection {
  readonly rule: string;
  /** `Error`, `Warning` or `Error or warning`. */
  readonly severity: string;
  /** The blocks of the example; empty if there is none. */
  readonly example: readonly Block[];
  readonly mended: readonly Block[];
}

export interface Block {
  readonly language: string;
  readonly text: string;
}

export interface RulePage {
  readonly sections: readonly RuleSection[];
  /** Writes the files of an example into `folder`. */
  readonly write: (folder: string, blocks: readonly Block[]) => Promise<void>;
}

export function readRulePage(text: string): RulePage {
  const [intro = '', ...rest] = text.split(/^### /m);
  const around = blocksOf(intro);
  const proto = around.find(({ language }) => language === 'proto')?.text ?? '';
  const yaml = around.find(({ language }) => language === 'yaml')?.text ?? '';
  return {
    sections: rest.map(sectionOf),
    async write(folder, blocks) {
      const files = new Map([
        ['protos/shop.proto', proto],
        ['protogate.yaml', yaml],
      ]);
      for (const block of blocks) {
        const name = nameOf(block);
        if (name === 'protos/shop.proto') files.set(name, withExample(proto, block.text));
        else if (name === 'protogate.yaml') files.set(name, configOf(yaml, block.text));
        else files.set(name, block.text);
      }
      for (const [name, content] of files) {
        await mkdir(dirname(join(folder, name)), { recursive: true });
        await writeFile(join(folder, name), content);
      }
    },
  };
}

function sectionOf(text: string): RuleSection {
  const rule = text.slice(0, text.indexOf('\n')).trim();
  const severity = /^\*\*(.+?)\.\*\*/m.exec(text)?.[1] ?? '';
  const [before = '', after = ''] = text.split(/^\*\*Fix:\*\*/m);
  return { rule, severity, example: blocksOf(before), mended: blocksOf(after) };
}

function blocksOf(text: string): readonly Block[] {
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language = '', block = '']) => ({
    language,
    text: block,
  }));
}

/** A comment in the first line names the file: `# keys.yaml`. */
function nameOf({ language, text }: Block): string {
  const named = /^(?:#|\/\/) (\S+\.\w+)$/m.exec(text.slice(0, text.indexOf('\n')))?.[1];
  if (named !== undefined) return named;
  return language === 'proto' ? 'protos/shop.proto' : language === 'json' ? 'jwks.json' : 'protogate.yaml';
}

/** A whole file stands alone; rpcs go into the service, and other declarations behind it. */
function withExample(proto: string, example: string): string {
  if (example.startsWith('syntax')) return example;
  const end = proto.indexOf('\n}\n', proto.indexOf('service ')) + 1;
  if (/^(?:rpc|option) /.test(example)) return `${proto.slice(0, end)}${example}${proto.slice(end)}`;
  return `${proto}${example}`;
}

/** A whole file stands alone; otherwise each top-level key of the example replaces that key. */
function configOf(yaml: string, example: string): string {
  if (/^version:/m.test(example)) return example;
  const keys = [...example.matchAll(/^(\w+):/gm)].map(([, key]) => key);
  const kept = yaml.split(/^(?=\w+:)/m).filter((block) => !keys.includes(block.slice(0, block.indexOf(':'))));
  return `${kept.join('')}${example}`;
}
