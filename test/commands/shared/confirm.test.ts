/** Confirmation: removals always ask; in a protected context writes to several devices ask. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { heartbeat } from '../../../src/core/presence/heartbeats.js';
import { register } from '../../../src/core/registry/register.js';
import { cli } from '../../support/cli.js';
import { openFleet, type SingleFleet, snapshot } from '../../support/fleet.js';
import { useRedis } from '../../support/redis.js';

const redis = useRedis({ port: true });
const devstate = cli('');

let folder: string;
let fleet: SingleFleet;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'devstate-'));
  const place = (name: string, url: string, guarded: boolean) =>
    `[contexts.${name}]\nurl = "${url}"\nprotected = ${guarded}\n`;
  const url = redis.url.replace('//', '//default:s3same@');
  writeFileSync(
    join(folder, 'config.toml'),
    place('prod', url, true) + place('away', 'redis://127.0.0.1:1', true) + place('test', url, false),
    { mode: 0o600 },
  );
  const lines = ['d1', 'd2'].map((deviceId) => JSON.stringify({ deviceId, deviceType: 'plug' }));
  writeFileSync(join(folder, 'devices.ndjson'), lines.join('\n'));
  writeFileSync(join(folder, 'beats.ndjson'), '{"deviceId":"d1"}\n{"deviceId":"d2"}\n');
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(async () => {
  fleet = await openFleet(redis);
  for (const id of ['d1', 'd2']) {
    await register(fleet, id, 't');
    await heartbeat(fleet, { id });
  }
});

async function run(argv: string, options: { stdin?: string; tty?: boolean }) {
  const env = { DEVSTATE_CONFIG: join(folder, 'config.toml') };
  const result = await devstate.run(argv.replaceAll('FOLDER', folder), { ...options, env });
  expect(result.stderr).not.toContain('s3same');
  const shown = (output: string) =>
    output.replaceAll(folder, 'FOLDER').replaceAll(redis.url.slice(8), 'HOST');
  return { ...result, stderr: shown(result.stderr) };
}

const CONTEXT = 'context prod (redis://default@HOST)\n';
const BULK: [argv: string, question: string, stdin?: string][] = [
  ['register -f FOLDER/devices.ndjson', 'Register the devices of FOLDER/devices.ndjson?'],
  ['heartbeat -f FOLDER/beats.ndjson', 'Send heartbeats for the devices of FOLDER/beats.ndjson?'],
  ['heartbeat d1 d2', 'Send heartbeats for 2 devices?'],
  ['heartbeat d1 d2 --every 1ms --count 1', 'Send heartbeats for 2 devices?'],
  ['disconnect d1 d2', 'Take offline 2 devices?'],
  ['unregister d1 d2', 'Remove 2 devices and all data about them?'],
];
const FROM_INPUT: [argv: string, stdin: string][] = [
  ['register -f - --type t', '{"deviceId":"d1"}\n'],
  ['heartbeat -f -', '{"deviceId":"d1"}\n'],
  ['heartbeat -', 'd1\n'],
  ['disconnect -', 'd1\n'],
  ['set-desired - a=1', 'd1\n'],
];

describe('in a protected context', () => {
  test.each(BULK)('%s asks on a terminal, below the name of the context', async (argv, question) => {
    const before = await snapshot(fleet.redis);
    const declined = await run(`${argv} --context prod -q`, { tty: true, stdin: 'n\n' });
    expect(declined).toEqual({ exit: 4, stdout: '', stderr: `${CONTEXT}${question} [y/N] ` });
    expect(await snapshot(fleet.redis)).toEqual(before);
    const granted = await run(`${argv} --context prod -q`, { tty: true, stdin: 'y\n' });
    expect(granted).toMatchObject({ exit: 0, stderr: `${CONTEXT}${question} [y/N] ` });
    expect(await snapshot(fleet.redis)).not.toEqual(before);
  });

  test.each(BULK)('%s does not ask with --yes', async (argv) => {
    expect(await run(`${argv} --context prod -q --yes`, {})).toMatchObject({ exit: 0, stderr: '' });
  });

  test.each(BULK)('%s is refused without a terminal, before it connects', async (argv) => {
    const { exit, stdout, stderr } = await run(`${argv} --context away`, {});
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
    expect(stderr).toMatch(
      /^devstate: (the context away is protected: this writes to many devices|this removes devices) and needs confirmation\nhint: add --yes\n/,
    );
  });

  test.each(FROM_INPUT)(
    '%s is refused without --yes, because standard input holds the items',
    async (argv, stdin) => {
      const before = await snapshot(fleet.redis);
      const refused = await run(`${argv} --context prod -q`, { tty: true, stdin });
      expect(refused).toMatchObject({ exit: 2, stdout: '' });
      expect(await snapshot(fleet.redis)).toEqual(before);
      expect(await run(`${argv} --context prod -q -y`, { stdin })).toMatchObject({ exit: 0, stderr: '' });
    },
  );

  test.each([
    'register d3 --type t',
    'heartbeat d1',
    'disconnect d1',
    'set-desired d1 a=1',
    'list',
    'get d1 d2',
  ])('%s does not ask', async (argv) => {
    expect(await run(`${argv} --context prod -q`, {})).toMatchObject({ exit: 0, stderr: '' });
  });
});

describe('outside protected contexts', () => {
  test.each([...BULK.filter(([argv]) => !argv.startsWith('unregister')), ...FROM_INPUT])(
    '%s is not asked for',
    async (argv, stdin) => {
      for (const where of ['--context test', `--url ${redis.url}`])
        expect(await run(`${argv} ${where} -q`, { stdin })).toMatchObject({ exit: 0, stderr: '' });
    },
  );

  test('a removal asks, below the name of the context', async () => {
    const question = 'Remove "d1" and all data about it? [y/N] ';
    const contextLine = 'context test (redis://default@HOST)\n';
    expect(await run('unregister d1 --context test', { tty: true, stdin: 'n\n' })).toEqual({
      exit: 4,
      stdout: '',
      stderr: contextLine + question,
    });
    expect(await run(`unregister d1 --url ${redis.url}`, { tty: true, stdin: 'n\n' })).toMatchObject({
      exit: 4,
      stderr: question,
    });
  });
});
