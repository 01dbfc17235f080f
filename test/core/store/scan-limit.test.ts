/** Scans that a server does not end: they end with one error, and without more memory than the set would need. */
import { expect, test } from 'vitest';
import { ScanLimit } from '../../../src/core/store/scan-limit.js';
import { cli } from '../../support/cli.js';
import { useFakeServer } from '../../support/faults/fake-server.js';
import { array, bulk, integer } from '../../support/faults/resp.js';
import { openFleet } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis();
const ENDLESS = { code: 'CONNECTION', reason: 'MALFORMED_REPLY' };

test.each<[what: string, ids: (step: number) => string[]]>([
  ['the same ids', () => ['d1', 'd2']],
  ['ever new ids', (step) => Array.from({ length: 1000 }, (_, i) => `d${step}-${i}`)],
])(
  'a scan that gives %s without end ends with one line',
  async (_, ids) => {
    await openFleet(redis);
    const server = await useFakeServer({ forwardTo: redis.url });
    let step = 0;
    server.answer = ([name]) => {
      if (name === 'SCARD') return integer(2);
      if (name !== 'SSCAN') return undefined;
      step += 1;
      return array(bulk(String(step)), array(...ids(step).map(bulk)));
    };
    expect(await cli(server).run('list -q -o name')).toEqual({
      exit: 5,
      stdout: '',
      stderr: expect.stringMatching(/^devstate: .*the server does not end the scan of a set\n$/),
    });
  },
  60_000,
);

test('replies without members end a scan only after those that a large empty table gives', () => {
  const limit = new ScanLimit(1);
  for (let i = 0; i < 60_000; i++) limit.note(0, false);
  limit.note(1, false);
  for (let i = 0; i < 60_000; i++) limit.note(0, false);
  expect(() => {
    for (let i = 0; i < 60_000; i++) limit.note(0, false);
  }).toThrow(expect.objectContaining(ENDLESS));
});

test('a scan that starts again and again ends', () => {
  const limit = new ScanLimit(1000);
  expect(() => {
    for (let i = 0; i < 100; i++) limit.note(200, true);
  }).toThrow(expect.objectContaining({ code: 'CONNECTION', reason: undefined }));
});

test('a set that grows while it is scanned, and members that are found again, end no scan', () => {
  const limit = new ScanLimit(100_000);
  for (let i = 0; i < 2000; i++) limit.note(200, false);
});
