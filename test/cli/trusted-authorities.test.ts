/** Without --ca, the authorities of Node and of the system are trusted, where Node can read the latter. */
import { expect, test } from 'vitest';
import { resolveTarget } from '../../src/cli/resolve-target.js';
import { trustedAuthorities } from '../../src/cli/trusted-authorities.js';

const KNOWN = { default: ['a', 'b'], system: ['b', 'c'] };

test('those of Node and of the system, each once', () => {
  expect(trustedAuthorities((type) => KNOWN[type])).toEqual(['a', 'b', 'c']);
});

test.each([
  ['rediss://h', true],
  ['rediss-cluster://h', true],
  ['rediss-sentinel://h#m', true],
  ['redis://h', false],
])('%s: has a context of TLS: %s', async (url, isTls) => {
  const { target } = await resolveTarget({ url, headers: true }, {}, () => {});
  expect(target.options.tls?.secureContext !== undefined).toBe(isTls);
});
