/** Documents with very many keys are refused before they are parsed; duplicate keys cause one notice. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseStored } from '../../src/core/model/stored-document.js';
import { parseDocument } from '../../src/input/document.js';
import { DeviceStateManager } from '../../src/library/device-state-manager.js';
import { toDocument } from '../../src/library/documents.js';
import { cli } from '../support/cli.js';
import { useRedis } from '../support/redis.js';

const redis = useRedis();
const devstate = cli(redis);
/** Generous: the refusal takes some ms. Without it, the parser takes 1 s for the first of the texts and 6 s for the last. */
const BOUND_MS = 1000;

const keys = (count: number) => Array.from({ length: count }, (_, i) => i.toString(36));
const textOf = (count: number) => `{${keys(count).map((key) => `"${key}":1`)}}`;
/** Almost as long as a text that is read may be. */
const IN_4_MIB = textOf(450_000);
const MILLION = textOf(1_000_000);
const TOO_LARGE = 'too large: a document is at most 1 MiB (1048576 bytes)';
const ignore = () => {};

async function refusalOf(read: () => unknown): Promise<string> {
  const start = performance.now();
  try {
    await read();
    return 'none';
  } catch (error) {
    expect(performance.now() - start).toBeLessThan(BOUND_MS);
    return (error as Error).message;
  }
}

describe('a million keys', () => {
  test('in a document of the command line', async () => {
    for (const text of [IN_4_MIB, MILLION, `[${'1,'.repeat(1_500_000)}1]`])
      expect(await refusalOf(() => parseDocument(['-'], async () => text, ignore))).toContain(TOO_LARGE);
    expect(await refusalOf(() => parseDocument([MILLION], async () => '', ignore))).toBe(TOO_LARGE);
  });

  test('in an object of the library, whose values are not read', async () => {
    // No bound of time: JavaScript itself takes more than a second to tell how many keys such an object has.
    let isRead = false;
    const object = Object.fromEntries(keys(1_000_000).map((key) => [key, 1]));
    Object.defineProperty(object, '0', { enumerable: true, get: () => (isRead = true) });
    const manager = new DeviceStateManager(await redis.client());
    for (const document of [object, { a: object }])
      await expect(manager.deviceHeartbeat('d', document)).rejects.toThrow(TOO_LARGE);
    expect(isRead).toBe(false);
  });

  test('in an object of the library that has parts several times', async () => {
    const part = Object.fromEntries(keys(1000).map((key) => [key, 1]));
    const parts = Object.fromEntries(keys(1000).map((key) => [key, part]));
    for (const document of [parts, { a: Array(1_000_000).fill(1) }])
      expect(await refusalOf(() => toDocument(document))).toBe(TOO_LARGE);
  });

  test('in a stored document', async () => {
    expect(await refusalOf(() => parseStored('d', 'the report', MILLION))).toContain('more than a document');
  });
});

test('a document of 1 MiB with as many keys or items as it can have is accepted', async () => {
  for (const text of [textOf(110_000), `{"a":[${'1,'.repeat(524_000)}1]}`])
    expect(await parseDocument([text], async () => '', ignore)).toBeTypeOf('object');
});

describe('250,000 duplicate keys', () => {
  const text = `{${Array.from({ length: 250_000 }, (_, i) => `"a":${i}`)}}`;
  const NOTICE = 'duplicate key "a" and 249998 more: the last one wins\n';
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'devstate-'));
    await writeFile(join(folder, 'document.json'), text);
  });
  afterAll(() => rm(folder, { recursive: true }));

  test.each(['-', '@'])('from %s cause one notice', async (source) => {
    await devstate.run('register d1 --type lamp');
    const from = source === '@' ? `@${join(folder, 'document.json')}` : source;
    const { exit, stderr } = await devstate.run(['heartbeat', 'd1', '--report', from], { stdin: text });
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: NOTICE });
    expect(await (await redis.client()).hget('device:state:d1', 'reportedState')).toBe('{"a":249999}');
  });
});
