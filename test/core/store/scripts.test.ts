import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Keyspace } from '../../../src/core/model/keyspace.js';
import {
  expectedTypes,
  HEADER,
  REGISTER,
  SCRIPTS,
  SETTLE,
  scriptKeys,
} from '../../../src/core/store/scripts.js';

const header = (name: string) =>
  readFileSync(`src/core/store/lua/${name}.lua`, 'utf8').split(/^(?!--)/m, 1)[0] ?? '';

/** `-- KEYS   a b | c d` as [[a, b], [c, d]]. */
function declared(name: string, what: 'KEYS' | 'ARGV'): [once: string[], eachDevice: string[]] {
  const line = new RegExp(`^-- ${what} +(.*)$`, 'm').exec(header(name))?.[1] ?? '';
  const [once = '', each = ''] = line.split('|');
  const words = (text: string) => text.split(' ').filter((word) => word !== '');
  return [words(once), words(each)];
}

test('there is a descriptor for each Lua file', () => {
  const files = readdirSync('src/core/store/lua').filter((name) => name.endsWith('.lua'));
  expect(SCRIPTS.map(({ name }) => `${name}.lua`).sort()).toEqual(files.sort());
});

describe.each(SCRIPTS.map((script) => [script.name, script] as const))('%s.lua', (name, script) => {
  test('says the keys of its descriptor', () => {
    expect(declared(name, 'KEYS')).toEqual([script.keys, script.deviceKeys]);
  });

  test('says the arguments of its descriptor, after those that every script gets', () => {
    expect(declared(name, 'ARGV')).toEqual([[...HEADER, ...script.args], script.deviceArgs]);
  });

  test('says what it is for, what it replies and announces', () => {
    const text = header(name);
    expect(text).toMatch(new RegExp(`^-- ${name}: \\w`));
    expect(text).toMatch(/^-- Reply +\S/m);
    expect(text).toMatch(/^-- Events +\S/m);
  });

  test('is a whole: nothing is left to include', () => {
    expect(script.source).not.toContain('@include');
  });
});

test('keys stand in the order of the descriptor, those of devices after each other', () => {
  const keys = new Keyspace('n');
  expect(scriptKeys(SETTLE, keys, [{ id: 'a:b' }, { id: 'c' }])).toEqual([
    ...['n:devices:online', 'n:devices:activity', 'n:devices:presence:log', 'n:devices:pulse'],
    ...['n:device:state:a:b', 'n:device:heartbeat:a:b', 'n:device:history:presence:a:b'],
    ...['n:device:state:c', 'n:device:heartbeat:c', 'n:device:history:presence:c'],
  ]);
  expect(scriptKeys(REGISTER, keys, [{ id: 'a', type: 'new', oldType: 'old' }]).slice(3)).toEqual([
    ...['n:device:state:a', 'n:devices:type:new', 'n:devices:type:old'],
  ]);
  expect(expectedTypes(SETTLE, 1)).toEqual(['set', 'zset', 'stream', 'string', 'hash', 'string', 'list']);
});
