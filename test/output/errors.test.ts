import { expect, it } from 'vitest';
import { usageError } from '../../src/core/model/errors.js';
import { errorText } from '../../src/output/errors.js';

it.each([
  [
    usageError('bad \u001b[31m\nthing', 'do\nthis'),
    { machine: false },
    'devstate: bad \\u001b[31m\\nthing\nhint: do\\nthis\n',
  ],
  [usageError('bad'), { machine: false, line: 2 }, 'devstate: line 2: bad\n'],
  [usageError('bad', 'so'), { machine: true }, '{"error":{"code":"USAGE","message":"bad","hint":"so"}}\n'],
  [
    usageError('b\u202ed\n'),
    { machine: true, line: 2 },
    '{"error":{"code":"USAGE","message":"b\\u202ed\\n","line":2}}\n',
  ],
])('%s', (error, options, text) => {
  expect(errorText(error, options)).toBe(text);
});

it('is a line of a bounded length', () => {
  expect(errorText(usageError('x'.repeat(10_000_000)), { machine: false }).length).toBeLessThan(1100);
  expect(errorText(usageError('x'.repeat(10_000_000)), { machine: true }).length).toBeLessThan(1100);
});
