/**
 * Changes the text of the contexts file line by line, so that its comments and its order stay. It knows the layout that
 * devstate writes: `current` first, then a section [contexts.NAME] for each context, one field on a line.
 */
import { isDeepStrictEqual } from 'node:util';
import { parse, stringify, type TomlTable } from 'smol-toml';
import type { SavedContexts } from './saved-contexts.js';

/**
 * Returns the text with the contexts replaced by `after`; undefined: the layout is not devstate's, and rewriting would
 * lose comments.
 */
export function editContexts(text: string, after: SavedContexts): string | undefined {
  const document = documentOf(after);
  const edited = editLines(text, after);
  if (isDeepStrictEqual(parsed(edited), parsed(stringify(document)))) return edited;
  return hasComment(text) ? undefined : stringify(document);
}

/** A string of TOML, which may contain `#`, or a comment. A string of several lines is in three quotes. */
const STRING_OR_COMMENT = /"""(?:[^\\]|\\[\s\S])*?"""|'''[\s\S]*?'''|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|#/g;

function hasComment(text: string): boolean {
  return text.match(STRING_OR_COMMENT)?.includes('#') ?? false;
}

function documentOf({ current, contexts }: SavedContexts): TomlTable {
  return {
    ...(current !== undefined && { current }),
    contexts: Object.fromEntries(contexts) as unknown as TomlTable,
  };
}

/** Returns the content of a text, without a table of contexts that is empty; undefined: the text is not valid. */
function parsed(text: string): TomlTable | undefined {
  try {
    const { contexts = {}, ...others } = parse(text);
    return Object.keys(contexts).length === 0 ? others : { contexts, ...others };
  } catch {
    return undefined;
  }
}

const HEADER = /^\s*\[/;
const CONTEXT_HEADER = /^\s*\[\s*contexts\s*\.\s*(?:"([\w.-]+)"|'([\w.-]+)'|([\w-]+))\s*\]\s*(?:#.*)?$/;
/** A field: the text before its value, its name, its value, and what follows, such as a comment. */
const FIELD = /^(\s*(\w+)\s*=\s*)("(?:[^"\\]|\\.)*"|'[^']*'|[^\s#"']+)(\s*(?:#.*)?)$/;

function editLines(text: string, { current, contexts }: SavedContexts): string {
  const lineBreak = text.includes('\r\n') ? '\r\n' : '\n';
  const lines = text === '' ? [] : text.replace(/\r?\n$/, '').split(/\r?\n/);
  const starts = lines.flatMap((line, i) => (HEADER.test(line) ? [i] : []));
  const root = setCurrent(lines.slice(0, starts[0]), current);
  const sections = starts.map((start, i) => lines.slice(start, starts[i + 1]));
  const found = new Set<string>();
  const kept = sections.flatMap(([header = '', ...body]) => {
    const name = nameOf(header);
    if (name === undefined) return [header, ...body];
    found.add(name);
    const context = contexts.get(name);
    // The lines after the last field, such as comments, belong to the next section.
    if (!context) return body.slice(body.findLastIndex((line) => FIELD.test(line)) + 1);
    return [header, ...setFields(body, context)];
  });
  const added = [...contexts].filter(([name]) => !found.has(name));
  const blocks = added.map(([name, context]) => stringify({ contexts: { [name]: { ...context } } }).trim());
  const rest = [kept, ...blocks.map((block) => block.split('\n'))].reduce(joined, []);
  // A comment directly above the first section belongs to it.
  const result = isComment(root.at(-1)) ? [...root, ...rest] : joined(root, rest);
  return result.map((line) => line + lineBreak).join('');
}

function nameOf(header: string): string | undefined {
  const [, double, single, bare] = CONTEXT_HEADER.exec(header) ?? [];
  return double ?? single ?? bare;
}

/** Joins two blocks of lines, with a blank line between them. */
function joined(above: readonly string[], below: readonly string[]): string[] {
  const needsBlank = above.length > 0 && below.length > 0 && above.at(-1)?.trim() !== '';
  return [...above, ...(needsBlank ? [''] : []), ...below];
}

const isComment = (line = '') => line.trimStart().startsWith('#');

/** Sets or removes `current` in the lines above the first section. A new one becomes the first line. */
function setCurrent(lines: readonly string[], current: string | undefined): string[] {
  const hasCurrent = lines.some((line) => FIELD.test(line));
  if (hasCurrent || current === undefined) return setFields(lines, { current });
  return joined([lineOf('current', current)], lines);
}

/**
 * Replaces the values of fields, and removes and adds fields, so that the lines have exactly the given ones. New fields
 * are put behind the others.
 */
function setFields(lines: readonly string[], fields: object): string[] {
  const wanted = new Map(Object.entries(fields).filter(([, value]) => value !== undefined));
  const result = lines.flatMap((line) => {
    const [, before, name = '', old, rest] = FIELD.exec(line) ?? [];
    if (before === undefined) return [line];
    if (!wanted.has(name)) return [];
    const value = lineOf(name, wanted.get(name)).slice(`${name} = `.length);
    wanted.delete(name);
    const isSame = isDeepStrictEqual(parsed(`v = ${old}`), parsed(`v = ${value}`));
    return [isSame ? line : `${before}${value}${rest}`];
  });
  const added = [...wanted].map(([name, value]) => lineOf(name, value));
  return result.toSpliced(result.findLastIndex((line) => FIELD.test(line)) + 1, 0, ...added);
}

function lineOf(name: string, value: unknown): string {
  return stringify({ [name]: value } as TomlTable).trim();
}
