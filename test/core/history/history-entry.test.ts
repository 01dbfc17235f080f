/** decodeEntry: the short forms of history entries, and the JSON form that versions up to 0.1 wrote. */
import { describe, expect, test } from 'vitest';
import { decodeEntry } from '../../../src/core/history/history-entry.js';

const AT = 1_764_000_000_000;
const entry = (kind: 'reported' | 'presence', text: string) => decodeEntry('d1', kind, text);

describe.each([
  ['reported', `${AT} 7 {"a":1.50}`, `{"at":${AT},"version":7,"value":{"a":1.50}}`],
  ['reported', `1 1 {"value":{"at":2}}`, `{"at":1,"version":1,"value":{"value":{"at":2}}}`],
  ['presence', `${AT}100001`, `{"at":${AT},"seq":1,"status":"online","reason":"heartbeat"}`],
  ['presence', `${AT}200042`, `{"at":${AT},"seq":42,"status":"offline","reason":"timeout"}`],
  ['presence', `${AT}399998`, `{"at":${AT},"seq":99998,"status":"offline","reason":"disconnect"}`],
  ['presence', `${AT}499999`, `{"at":${AT},"seq":99999,"status":"online","reason":"observed"}`],
] as const)('the short %s entry %s', (kind, short, json) => {
  test('is read as the same as in JSON', () => {
    expect(entry(kind, short)).toEqual(entry(kind, json));
    expect(entry(kind, short).number).toBeGreaterThan(0);
  });
});

test.each([
  ['reported', `${AT} 7 5`],
  ['reported', `${AT} 7 {"a":`],
  ['reported', `${AT} 7`],
  ['reported', `${AT}100001`],
  ['presence', `${AT}900001`],
  ['presence', `${AT} 7 {}`],
  ['presence', `${AT}1`],
] as const)('of %s, %s is no entry', (kind, text) => {
  expect(() => decodeEntry('d1', kind, text)).toThrow(expect.objectContaining({ code: 'BAD_RECORD' }));
});
