/**
 * Ports that accept connections and never answer: connecting ends after its timeout, also if garbage is collected
 * meanwhile.
 */
import { expect, onTestFinished, test } from 'vitest';
import { DeviceStateManager } from '../../src/index.js';
import { connect } from '../../src/redis/client.js';
import { parseTarget } from '../../src/redis/target-url.js';
import { cli } from '../support/cli.js';
import { withGarbageCollections } from '../support/collect-garbage.js';
import { useFakeServer } from '../support/faults/fake-server.js';
import { failure } from '../support/fleet.js';

const TIMEOUT_MS = 500;
/** Generous: the machine is busy. */
const MAX_MS = 10_000;

async function silentPort(): Promise<number> {
  return Number(new URL((await useFakeServer()).url).port);
}

test.each([
  ['one server', (port: number) => `redis://127.0.0.1:${port}`],
  ['Sentinel', (port: number) => `redis-sentinel://127.0.0.1:${port}#fleet`],
  ['a cluster', (port: number) => `redis-cluster://127.0.0.1:${port}`],
])('connecting by the URL of %s', { timeout: MAX_MS }, async (_, url) => {
  const target = parseTarget(url(await silentPort()));
  const { signal } = new AbortController();
  const connecting = failure(connect(target, { timeoutMs: TIMEOUT_MS, signal }));
  expect(await withGarbageCollections(connecting)).toMatchObject({ code: 'CONNECTION' });
});

test('a command', { timeout: MAX_MS }, async () => {
  const at = `redis://127.0.0.1:${await silentPort()}`;
  const result = withGarbageCollections(cli(at).run(`list --request-timeout ${TIMEOUT_MS}ms`));
  expect(await result).toMatchObject({ exit: 5, stderr: expect.stringContaining('timed out') });
});

test('a call of the library', { timeout: MAX_MS }, async () => {
  const manager = new DeviceStateManager({ port: await silentPort() }, { requestTimeout: TIMEOUT_MS });
  onTestFinished(() => manager.close());
  const call = failure(manager.getDeviceState('one'));
  expect(await withGarbageCollections(call)).toMatchObject({ code: 'CONNECTION' });
});
