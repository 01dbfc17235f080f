import fc from 'fast-check';
import { parse } from 'smol-toml';
import { expect, test } from 'vitest';
import { editContexts } from '../../src/cli/contexts-text.js';
import type { SavedContext } from '../../src/cli/saved-contexts.js';
import { text } from '../support/cli.js';

const FILE = text`
  # My servers
  current = "prod" # the one that counts

  # The production server.
  [contexts.prod] # ask first
  url = "rediss://ops:a#b\\\"c@db:6379"   # with its password
  # to be removed some day
  namespace = 'acme'

  # Only for tests
  [contexts."test.1"]
  url = "redis://db2"
  readOnly = true
`;
const PROD: SavedContext = { url: 'rediss://ops:a#b\\"c@db:6379', namespace: 'acme' };
const TEST: SavedContext = { url: 'redis://db2', readOnly: true };

const edit = (file: string, current: string | undefined, contexts: Record<string, SavedContext>) =>
  editContexts(file, {
    ...(current !== undefined && { current }),
    contexts: new Map(Object.entries(contexts)),
  });

test('what is not changed stays as it is', () => {
  expect(edit(FILE, 'prod', { prod: PROD, 'test.1': TEST })).toBe(FILE);
});

test('fields are changed, removed and added, and contexts added', () => {
  const { namespace, ...prod } = PROD;
  const changed = edit(FILE, 'test.1', {
    prod: { ...prod, url: 'redis://x', protected: true },
    'test.1': { ...TEST, namespace: 'n' },
    more: { url: 'redis://m' },
  });
  expect(changed).toBe(text`
    # My servers
    current = "test.1" # the one that counts

    # The production server.
    [contexts.prod] # ask first
    url = "redis://x"   # with its password
    protected = true
    # to be removed some day

    # Only for tests
    [contexts."test.1"]
    url = "redis://db2"
    readOnly = true
    namespace = "n"

    [contexts.more]
    url = "redis://m"
  `);
});

test('contexts and the current one are removed', () => {
  expect(edit(FILE, undefined, { 'test.1': TEST })).toBe(text`
    # My servers

    # The production server.

    # Only for tests
    [contexts."test.1"]
    url = "redis://db2"
    readOnly = true
  `);
});

test('a new current context comes first, and a comment stays above its section', () => {
  const file = '# mine\r\n[contexts.a]\r\nurl = "redis://a" # a\r\n';
  expect(edit(file, 'a', { a: { url: 'redis://a' } })).toBe(`current = "a"\r\n\r\n${file}`);
});

test('an empty file, and one of comments', () => {
  const added = text`
    current = "a"

    [contexts.a]
    url = "redis://a"
  `;
  expect(edit('', 'a', { a: { url: 'redis://a' } })).toBe(added);
  expect(edit('# none yet\n', undefined, { a: { url: 'redis://a' } })).toBe(
    '# none yet\n[contexts.a]\nurl = "redis://a"\n',
  );
});

test('another layout is written anew, but never at the cost of comments', () => {
  const inline = 'contexts = { a = { url = "redis://a" } }\n';
  expect(parse(edit(inline, 'a', { a: { url: 'redis://b' } }) ?? '')).toEqual({
    current: 'a',
    contexts: { a: { url: 'redis://b' } },
  });
  expect(edit(`${inline}# mine\n`, 'a', { a: { url: 'redis://b' } })).toBeUndefined();
});

test.each([
  ['"redis-sentinel://h/0#m"'],
  ["'redis-sentinel://h/0#m'"],
  ['"""redis-sentinel://h/0#m"""'],
  ["'''redis-sentinel://h/0#m'''"],
  ['"redis://\\"h#m"'],
])('in another layout a # in a value is no comment: %s', (value) => {
  const inline = `contexts = { a = { url = ${value} } }\n`;
  expect(parse(edit(inline, undefined, { a: { url: 'redis://b' } }) ?? '')).toEqual({
    contexts: { a: { url: 'redis://b' } },
  });
  expect(edit(inline.replace('\n', " # it's mine\n"), 'a', { a: { url: 'redis://b' } })).toBeUndefined();
  expect(edit(`# it's mine\n${inline}`, 'a', { a: { url: 'redis://b' } })).toBeUndefined();
});

test('any change of any contexts is what is read again', () => {
  const name = fc.stringMatching(/^[\w.-]{1,8}$/);
  const context = fc.record(
    {
      url: fc.string({ unit: 'binary' }).filter((value) => !/\p{Surrogate}/u.test(value)),
      namespace: fc.constantFrom('a', '#', '"', "'", '\\', '[x]', 'a = 1'),
      readOnly: fc.boolean(),
      partitions: fc.nat(),
    },
    { requiredKeys: ['url'] },
  );
  const saved = fc.record({
    current: fc.option(name, { nil: undefined }),
    contexts: fc.dictionary(name, context),
  });
  fc.assert(
    fc.property(saved, saved, (before, after) => {
      const file = edit('', before.current, before.contexts) ?? '';
      const { current, contexts } = after;
      expect(parse(edit(file, current, contexts) ?? '')).toEqual({
        ...(current !== undefined && { current }),
        ...(Object.keys(contexts).length > 0 && { contexts }),
      });
    }),
  );
});
