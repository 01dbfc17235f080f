import { expect, it } from 'vitest';
import { usageError } from '../../src/core/model/errors.js';
import { formatError } from '../../src/output/errors.js';

it.each([
  [
    usageError('bad \u001b[31m\nthing', 'do\nthis'),
    { isJson: false },
    'devstate: bad \\u001b[31m\\nthing\nhint: do\\nthis\n',
  ],
  [usageError('bad'), { isJson: false, line: 2 }, 'devstate: line 2: bad\n'],
  [usageError('bad', 'so'), { isJson: true }, '{"error":{"code":"USAGE","message":"bad","hint":"so"}}\n'],
  [
    usageError('b\u202ed\n'),
    { isJson: true, line: 2 },
    '{"error":{"code":"USAGE","message":"b\\u202ed\\n","line":2}}\n',
  ],
])('%s', (error, options, text) => {
  expect(formatError(error, options)).toBe(text);
});

it('cuts a long message', () => {
  expect(formatError(usageError('x'.repeat(10_000_000)), { isJson: false }).length).toBeLessThan(1100);
  expect(formatError(usageError('x'.repeat(10_000_000)), { isJson: true }).length).toBeLessThan(1100);
});
