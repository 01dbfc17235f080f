import { describe, expect, test } from 'vitest';
import { decodeInstant, dialectOrder } from '../../../src/core/model/dialect.js';
import { DIALECTS } from '../../support/fleet.js';

const AT = 1_700_000_000_123;
const written = { node: '1700000000123', python: '1700000000.123' };

describe.each(DIALECTS)('the %s dialect', (dialect) => {
  test('a time is decoded by the dialect’s unit; a text that is not a time gives null', () => {
    expect(decodeInstant(dialect, written[dialect])).toBe(AT);
    for (const text of ['0', '', null, undefined, '-5', 'soon', 'NaN', '1e400']) {
      expect(decodeInstant(dialect, text)).toBeNull();
    }
  });
});

test('the dialect of the fleet is tried first', () => {
  expect(dialectOrder('node')).toEqual(['node', 'python']);
  expect(dialectOrder('python')).toEqual(['python', 'node']);
});
