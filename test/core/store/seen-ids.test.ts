import { expect, test } from 'vitest';
import { SeenIds } from '../../../src/core/store/seen-ids.js';

test.each<[kind: string, id: (i: number) => string]>([
  ['that end with a number', (i) => `sensor-${i}`],
  ['that begin with a number', (i) => `${i}-of-a-building-with-a-long-name`],
  ['of characters beyond ASCII', (i) => String.fromCodePoint(0x4e00 + (i >> 8), 0x3041 + (i & 0x3f)) + i],
])('200,000 ids %s are each new once', (_kind, id) => {
  const seen = new SeenIds();
  let fresh = 0;
  for (let i = 0; i < 200_000; i++) if (seen.add(id(i))) fresh += 1;
  expect(fresh).toBe(200_000);
  for (let i = 0; i < 200_000; i += 17) expect(seen.add(id(i))).toBe(false);
});
